/* A visit was dropped somewhere else: nothing is saved, the tray says what would change. Put back or go ahead. */

import { announce } from "./dom.js";

const tray = () => document.getElementById("tray");
let putBack = null;

export const trayIsOpen = () => putBack !== null;

function close() {
  const back = putBack;
  putBack = null;
  tray().replaceChildren();
  back?.();
  document.dispatchEvent(new CustomEvent("tray:closed"));
}

/** The wall time a visit was dropped on: what it had, and by how much it was moved. The library's own dates are never asked: they are of this machine's zone. */
function droppedOn(visit, delta) {
  const moved = new Date(Date.parse(`${visit.start}Z`) + (delta.days * 86400 + delta.seconds) * 1000);
  return moved.toISOString();
}

export function dropped(calendar, info) {
  const { shown } = info.event.extendedProps;
  const at = droppedOn(shown, info.delta);
  const { moveUrl, by } = calendar.section.dataset;
  const lane = info.newResource?.id ?? "";
  const asked = new URLSearchParams({ day: at.slice(0, 10), at: at.slice(11, 16), by, lane, next: `${location.pathname}${location.search}` });
  putBack = () => {
    info.revert();
    requestAnimationFrame(() => document.getElementById(`visit-${shown.id}`)?.focus({ preventScroll: true }));
  };
  const url = `${moveUrl.replace("00000000-0000-0000-0000-000000000000", shown.id)}?${asked}`;
  window.htmx.ajax("GET", url, { source: tray(), target: tray(), swap: "innerHTML" });
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== tray()) return;
  (tray().querySelector("[data-act]") ?? tray().querySelector("[data-put-back]"))?.focus();
  announce(tray().querySelector("h2")?.textContent ?? "");
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
