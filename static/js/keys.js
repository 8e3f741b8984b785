/* Keys that act on the page: each is written on its own link or button as data-key, so the page says what is possible. Never inside inputs; can be switched off (voice control speaks letters). */

import { isTyping } from "./dom.js";

const SECOND_KEY_MS = 1200;
let first = "";
let firstAt = 0;

const off = () => document.cookie.split("; ").includes("keys=off");
const usable = (element) => element.checkVisibility?.() !== false && !element.disabled && !element.closest("[inert], dialog:not([open])");
const within = () => document.querySelector("dialog[open]") ?? document;
const find = (key) => [...within().querySelectorAll("[data-key]")].find((element) => element.dataset.key.toLowerCase() === key && usable(element));

function act(element) {
  if (/^(input|textarea|select)$/i.test(element.tagName)) element.focus();
  else element.click();
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
  const key = event.key.toLowerCase();
  if (key.length !== 1) {
    // Enter and the arrows belong to whatever has focus; only when nothing has, they act on the page.
    // Escape takes back whatever has focus, but first it closes what is open.
    if (key === "escape" ? document.querySelector(":popover-open, dialog[open]") : event.target !== document.body && !event.target.matches?.("h1, h2, main")) return;
    if (key !== "enter" && off()) return;
    const named = find(key);
    if (named) { event.preventDefault(); act(named); }
    return;
  }
  if (off()) return;
  if (key === "?") { event.preventDefault(); showHelp(); return; }
  if (key === "/") {
    const search = [...document.querySelectorAll("[data-search]")].find(usable);
    if (search) { event.preventDefault(); search.focus(); search.select?.(); }
    return;
  }
  if (key === "u") {
    const undo = [...document.querySelectorAll("[data-undo]")].at(-1);
    if (undo) { event.preventDefault(); undo.click(); return; }
  }
  const chord = first && performance.now() - firstAt < SECOND_KEY_MS ? find(`${first} ${key}`) : null;
  const target = chord ?? find(key);
  first = "";
  if (target) { event.preventDefault(); act(target); }
  else { first = key; firstAt = performance.now(); }
}
document.addEventListener("keydown", onKey);

/* ── `?`: what can be pressed here ── */
const ALWAYS = [["/", "Search"], ["U", "Undo what was just done"], ["Esc", "Close the drawer or the window"], ["?", "This list"]];

function showHelp() {
  const dialog = document.getElementById("keys");
  if (!dialog || dialog.open) return;
  const list = dialog.querySelector("[data-keys]");
  const here = [...document.querySelectorAll("[data-key]")].filter((element) => usable(element))
    .map((element) => [element.dataset.key.length === 1 ? element.dataset.key.toUpperCase() : element.dataset.key, words(element)]);
  const rows = new Map([...here, ...ALWAYS]);
  list.replaceChildren(...[...rows].flatMap(([key, label]) => {
    const term = document.createElement("dt");
    for (const part of key.split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = part.length === 1 ? part.toUpperCase() : part;
      term.append(cap, " ");
    }
    const what = document.createElement("dd");
    what.textContent = label;
    return [term, what];
  }));
  dialog.querySelector("[data-keys-switch]").checked = !off();
  dialog.showModal();
}

function words(element) {
  if (element.dataset.keyLabel) return element.dataset.keyLabel;
  const copy = element.cloneNode(true);
  for (const cap of copy.querySelectorAll("kbd")) cap.remove();
  return element.getAttribute("aria-label") ?? copy.textContent.trim();
}

document.addEventListener("change", (event) => {
  if (!event.target.matches?.("[data-keys-switch]")) return;
  document.cookie = `keys=${event.target.checked ? "on" : "off"}; path=/; max-age=31536000; samesite=lax`;
});
// The menu's entry opens the same list.
document.addEventListener("click", (event) => {
  if (event.target.closest?.('[data-opens="keys"]')) showHelp();
});
