/* Light or dark before the first paint. The choice is a cookie so that the server can draw the next page right at once. */

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
const YEAR = 31536000;

const keep = (name, value) => {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${value}; path=/; max-age=${value ? YEAR : 0}; samesite=lax${secure}`;
};

// What only a script can draw has a list beside it for pages without: the list gives way before anything is painted.
root.classList.add("scripted");

function apply() {
  const choice = root.dataset.themeChoice ?? "system";
  keep("scheme", system.matches ? "dark" : "light");
  root.dataset.bsTheme = choice === "system" ? (system.matches ? "dark" : "light") : choice;
}

function choose(choice) {
  root.dataset.themeChoice = choice;
  keep("theme", choice === "system" ? "" : choice);
  apply();
  for (const button of document.querySelectorAll("[data-theme-switch] button")) {
    button.setAttribute("aria-pressed", String(button.value === choice));
  }
}

apply();
system.addEventListener("change", apply);
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-theme-switch] button");
  if (button) choose(button.value);
});
// Paper is light.
addEventListener("beforeprint", () => { root.dataset.bsTheme = "light"; });
addEventListener("afterprint", apply);
