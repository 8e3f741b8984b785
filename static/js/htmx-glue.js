/* htmx in the house's manner: the token, words while waiting, a sentence when it fails, the lock when the session is over. */

import { announce, csrf, fromTemplate } from "./dom.js";
import { sessionEnded } from "./idle.js";

const REFUSED = ["This could not be done", "Load the page again."];
const SENTENCES = {
  0: ["The clinic's server did not answer", "Nothing was saved. Look at the network, then try again."],
  403: ["You may not do this", "Nothing was saved. Ask the manager for the role it needs."],
  404: ["This is no longer there", "Somebody may have changed it. Load the page again."],
  429: ["Too many tries", "Wait a minute, then try again."],
  500: ["Something failed on our side", "Nothing was saved. Try again; if it stays, tell the manager."],
};

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = csrf();
});

/* ── Waiting: words at once, the mark after 300 ms ── */
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, target } = event.detail;
  clearFailure(target);
  target?.setAttribute("aria-busy", "true");
  const words = elt.closest("[data-loading]")?.dataset.loading;
  if (!words || !target) return;
  const block = fromTemplate("loading-template");
  block.querySelector("[data-words]").textContent = words;
  block.classList.add("fresh");
  block.dataset.waiting = "";
  target.prepend(block);
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { target } = event.detail;
  target?.removeAttribute("aria-busy");
  for (const block of target?.querySelectorAll("[data-waiting]") ?? []) block.remove();
});

/* ── A 4xx body that says something is shown; what redirects to sign-in is not ── */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  const signIn = document.body.dataset.signInUrl;
  if (xhr.status === 401 || (signIn && new URL(xhr.responseURL || location.href).pathname === signIn)) {
    event.detail.shouldSwap = false;
    sessionEnded();
  }
});

function clearFailure(target) {
  target?.previousElementSibling?.matches?.("[data-failed]") && target.previousElementSibling.remove();
}

function fail(event, status) {
  const { elt, target } = event.detail;
  if (status === 401 || elt.closest("[data-quiet]")) return;
  const [title, words] = SENTENCES[status] ?? (status >= 500 ? SENTENCES[500] : REFUSED);
  const block = fromTemplate("failed-template");
  if (!block) return;
  block.querySelector("[data-title]").textContent = title;
  block.querySelector("[data-words]").textContent = words;
  block.querySelector("[data-again]").addEventListener("click", () => {
    block.remove();
    if (elt.matches("form")) elt.requestSubmit();
    else if (elt.matches("a, button")) elt.click();
    else location.reload();
  });
  clearFailure(target);
  (target ?? elt).before(block);
  announce(`${title}. ${words}`);
}
document.addEventListener("htmx:sendError", (event) => fail(event, 0));
document.addEventListener("htmx:timeout", (event) => fail(event, 0));
document.addEventListener("htmx:responseError", (event) => fail(event, event.detail.xhr.status));
