/* Keys that act on the page: each is written on its own link or button as data-key, so the page says what is possible and
   everything is reached by Tab as well. Never inside inputs; can be switched off (voice control speaks letters). */

import { isTyping } from "./dom.js";

const SECOND_KEY_MS = 1200;
let first = "";
let firstAt = 0;

const off = () => document.cookie.split("; ").includes("keys=off");
const usable = (element) => element.checkVisibility?.() !== false && !element.disabled && !element.closest("[inert], dialog:not([open])");
const within = () => document.querySelector("dialog[open]") ?? document;
const find = (key) => [...within().querySelectorAll("[data-key]")].find((element) => element.dataset.key.toLowerCase() === key && usable(element));
// What was just done is taken back first; without that, the last step of the visit that is open.
const undoing = () => [...within().querySelectorAll("[data-undo]")].filter(usable).at(-1) ?? find("u");
const searching = () => [...within().querySelectorAll("[data-search]")].find(usable);
// On many keyboards brackets are written with AltGr, which the browser reports as Ctrl and Alt.
const isCommand = (event) => (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");

function act(element) {
  if (/^(input|textarea|select)$/i.test(element.tagName)) element.focus();
  else element.click();
}

/** A wish that stands open is closed before Escape means anything else; true where it was. */
function closesWish(event) {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return false;
  const wish = event.target.closest?.("details.pick[open]") ?? document.querySelector("details.pick[open]");
  if (!wish || document.querySelector("dialog[open]")) return false;
  event.preventDefault();
  wish.open = false;
  wish.querySelector("summary").focus();
  return true;
}

function onKey(event) {
  if (closesWish(event)) return;
  // A key that is held down has been pressed once.
  if (event.defaultPrevented || event.repeat || event.isComposing || isCommand(event) || isTyping(event.target)) return;
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
    const search = searching();
    if (search) { event.preventDefault(); search.focus(); search.select?.(); }
    return;
  }
  const chord = first && performance.now() - firstAt < SECOND_KEY_MS ? find(`${first} ${key}`) : null;
  const target = chord ?? (key === "u" ? undoing() : find(key));
  first = "";
  if (target) { event.preventDefault(); act(target); }
  else { first = key; firstAt = performance.now(); }
}
document.addEventListener("keydown", onKey);

/* ── `?`: what can be pressed here, and what elsewhere ── */
// The whole map of the desk, in the order it is learnt. What this page offers is named by its own words; the rest says where.
const MAP = [
  ["/", "Find a patient", "on every page with a search field"],
  ["t", "Today", ""],
  ["[", "The day before", "on Today"],
  ["]", "The day after", "on Today"],
  ["1", "The first column, and so on to 9", "on Today"],
  ["n", "Register a patient", ""],
  ["c", "The course", "on a visit or a patient with a course"],
  ["r", "Book the next session at another time", "on a visit with a session to book"],
  ["a", "Arrived", "on a visit of today"],
  ["b", "Numbing begins", "on a visit that has arrived"],
  ["i", "In room", "on a visit that has arrived"],
  ["d", "Done", "on a visit in the room"],
  ["x", "Did not come", "on a visit whose time has come"],
  ["y", "Confirmed", "on a visit that is booked"],
  ["m", "Move the visit", "on a visit to come"],
  ["f", "Fill the first free time", "on a day with one"],
  ["o", "Go to the session", "on a visit at the chair, for clinicians"],
  ["p", "The day sheet, to print", "on Today"],
  ["w", "Somebody came without a visit", "on Today"],
  ["u", "Undo what was just done", "after a press, and on a visit"],
  ["g l", "Messages", ""],
  ["Enter", "Accept what is offered first", "on a visit with a session to book"],
  ["Escape", "Close the drawer or the window", "where one is open"],
];

function showHelp() {
  const dialog = document.getElementById("keys");
  if (!dialog || dialog.open) return;
  const here = namedHere();
  const elsewhere = MAP.filter(([key]) => !here.has(key));
  const others = elsewhere.map(([key, label, where]) => [key, where ? `${label}, ${where}` : label]);
  dialog.querySelector("[data-keys]").replaceChildren(
    group("On this page", [...here]), ...(others.length ? [group("Elsewhere", others)] : []));
  dialog.querySelector("[data-keys-switch]").checked = !off();
  dialog.showModal();
}

/** Key to words of all that a press would find now, in the order of the map; what only this page has comes after. */
function namedHere() {
  const here = new Map();
  for (const element of document.querySelectorAll("[data-key]")) {
    const key = element.dataset.key.length === 1 ? element.dataset.key.toLowerCase() : element.dataset.key;
    if (usable(element) && !here.has(key)) here.set(key, words(element));
  }
  if (searching()) here.set("/", MAP[0][1]);
  const undo = undoing();
  if (undo) here.set("u", undo.matches("[data-undo]") ? "Undo what was just done" : words(undo));
  if (!here.has("Escape") && document.querySelector("[data-drawer] [data-drawer-close]")) here.set("Escape", "Close the drawer");
  here.set("?", "This list");
  const place = (key) => { const at = MAP.findIndex(([known]) => known === key); return at < 0 ? MAP.length : at; };
  return new Map([...here].sort(([one], [other]) => place(one) - place(other)));
}

function group(text, rows) {
  const title = document.createElement("h3");
  title.textContent = text;
  const section = document.createElement("section");
  section.append(title, list(rows));
  return section;
}

function list(rows) {
  const all = document.createElement("dl");
  all.className = "keys";
  all.append(...rows.flatMap(([key, label]) => {
    const term = document.createElement("dt");
    for (const part of key === " " ? [key] : key.split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = part.length === 1 ? part.toUpperCase() : part.replace("Escape", "Esc");
      term.append(cap, " ");
    }
    const what = document.createElement("dd");
    what.textContent = label;
    return [term, what];
  }));
  return all;
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
