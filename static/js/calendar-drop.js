/* A visit was dropped somewhere else: nothing is saved, the tray says what would change. Put back or go ahead. */

import { announce } from "./dom.js";
import { showToast } from "./shell.js";

const tray = () => document.getElementById("tray");
let proposed = null;   // the visit that lies before her, the time and the column it was put in, and its way back

export const trayIsOpen = () => proposed !== null;

function close() {
  const back = proposed?.back;
  proposed = null;
  tray().replaceChildren();
  back?.();
  document.dispatchEvent(new CustomEvent("tray:closed"));
}

/** The wall time a visit was dropped on: where it was, and by how much it was moved. The library's own dates are never asked: they are of this machine's zone. */
function droppedOn(start, delta) {
  const moved = new Date(Date.parse(`${start}Z`) + (delta.days * 86400 + delta.seconds) * 1000);
  return moved.toISOString().slice(0, 19);
}

const title = () => tray().querySelector("h2")?.textContent;
const focusTheWayOn = () => (tray().querySelector("[data-act]") ?? tray().querySelector("[data-put-back]"))?.focus();

/** One change at a time lies before her: the other visit goes back at once, and why is said. */
function decideFirst(info) {
  info.revert();
  const words = `Decide this first: ${title() ?? "the visit you moved before."}`;
  focusTheWayOn();
  announce(words);
  showToast({ text: words });
}

export function dropped(calendar, info) {
  const { shown } = info.event.extendedProps;
  if (proposed && proposed.id !== shown.id) { decideFirst(info); return; }
  // Dragged on while its change lies before her: from where it had been put, and all the way back.
  const at = droppedOn(proposed?.at ?? shown.start, info.delta);
  const lane = info.newResource?.id ?? proposed?.lane ?? "";
  const back = proposed?.back ?? (() => {
    info.revert();
    requestAnimationFrame(() => document.getElementById(`visit-${shown.id}`)?.focus({ preventScroll: true }));
  });
  proposed = { id: shown.id, at, lane, back };
  tray().replaceChildren();
  const { moveUrl, by } = calendar.section.dataset;
  const asked = new URLSearchParams({ day: at.slice(0, 10), at: at.slice(11, 16), by, lane, next: `${location.pathname}${location.search}` });
  const url = `${moveUrl.replace("00000000-0000-0000-0000-000000000000", shown.id)}?${asked}`;
  // What fails is heard below.
  window.htmx.ajax("GET", url, { source: tray(), target: tray(), swap: "innerHTML" }).catch(() => {});
}

document.addEventListener("htmx:beforeSwap", (event) => {
  // Put back before the answer came: it speaks of a change that is none any more.
  if (event.detail.requestConfig.elt === tray() && !trayIsOpen()) event.detail.shouldSwap = false;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== tray()) return;
  focusTheWayOn();
  announce(title() ?? "");
});
// No answer: the visit goes back, and what failed stands where the tray would.
for (const failed of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failed, (event) => { if (trayIsOpen() && event.detail.target === tray() && !tray().firstElementChild) close(); });
}
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-put-back]")) close();
});
// Before the drawer hears it: what was proposed last is taken back first.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !trayIsOpen() || document.querySelector("dialog[open], :popover-open")) return;
  event.preventDefault();
  event.stopPropagation();
  close();
}, true);
