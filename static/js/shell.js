/* The frame: the rail's button, menus, toasts with their ten seconds, the drawer and where focus goes back to. */

import { announce, csrf, each, fromTemplate } from "./dom.js";

const TOAST_MS = 10000;

/* ── Rail and menus ── */
each(".rail-toggle", (button) => {
  button.addEventListener("click", () => {
    const open = button.closest(".rail").classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
  });
});

const openMenus = () => document.querySelectorAll("details[data-menu][open]");
document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  }
}, true);

/* ── Toasts: stay while someone reads or points at them ── */
function countDown(toast) {
  let timer;
  const stop = () => clearTimeout(timer);
  const go = () => { stop(); timer = setTimeout(() => toast.remove(), TOAST_MS); };
  toast.addEventListener("pointerenter", stop);
  toast.addEventListener("pointerleave", go);
  toast.addEventListener("focusin", stop);
  toast.addEventListener("focusout", go);
  go();
}
each("#toasts [data-toast]", (toast) => {
  countDown(toast);
  announce(toast.querySelector("span").textContent);
});

export function showToast({ text, undo_url: undoUrl }) {
  const toast = fromTemplate("toast-template");
  if (!toast) return;
  toast.querySelector("span").textContent = text;
  const form = toast.querySelector("form");
  if (undoUrl) {
    form.action = undoUrl;
    form.elements.csrfmiddlewaretoken.value = csrf();
  } else {
    form.remove();
  }
  document.getElementById("toasts").replaceChildren(toast);
  countDown(toast);
}
document.addEventListener("toast", (event) => showToast(event.detail.value ?? event.detail));
document.addEventListener("announce", (event) => announce(event.detail.value ?? event.detail));

/* ── Drawer ── */
let opener = null;
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.matches?.("[data-drawer], #drawer")) {
    if (!event.detail.target.contains(document.activeElement)) opener = document.activeElement;
  }
});
document.addEventListener("htmx:afterSettle", (event) => {
  const drawer = event.target.closest?.("[data-drawer]") ?? document.querySelector("[data-drawer]");
  if (!event.detail.target?.matches?.("[data-drawer], #drawer") || !drawer) return;
  const heading = drawer.querySelector("h2");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus();
});

function closeDrawer(way) {
  const back = opener?.isConnected ? opener : document.querySelector(".visit.chosen");
  if (way.hasAttribute("hx-get")) {
    way.click();
    back?.focus();
  } else {
    location.assign(way.href);
  }
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], :popover-open")) return;
  const way = document.querySelector("[data-drawer] [data-drawer-close]");
  if (way) closeDrawer(way);
});

/* ── A form that came back with errors: the reader starts at what is wrong ── */
each("[data-first-error]", (block) => block.focus());
