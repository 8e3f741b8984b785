/* A screen left alone locks over the draft. Warned two minutes before; a tap extends; autosave and polling do not. */

import { each, hhmm } from "./dom.js";

const WARN_MS = 2 * 60000;
const EXTEND_EVERY_MS = 60000;
const { idleMinutes, idleSeconds, keepAliveUrl, unlockUrl, user } = document.body.dataset;
const LIMIT_MS = Number(idleMinutes) * 60000;
const watches = LIMIT_MS > 0 && Boolean(keepAliveUrl);
const channel = watches && "BroadcastChannel" in window ? new BroadcastChannel("stratum-use") : null;

// When the server last counted a use: its limit runs from there, so what this screen announces does too. At load it says
// how long ago that was; later a use counts once the server has taken word of it.
let toldAt = performance.timeOrigin - millisecondsUsed(idleSeconds);
let telling = false;
let locked = false;

function millisecondsUsed(said) {
  return Number(said ?? 0) * 1000;
}

const warning = () => document.getElementById("idle-warning");
const lockDialog = () => document.getElementById("lock");

async function extend() {
  if (telling) return;
  telling = true;
  const at = Date.now();
  try {
    const answer = await fetch(keepAliveUrl, { method: "POST", headers: { "X-CSRFToken": document.body.dataset.csrf }, redirect: "manual" });
    if (answer.status === 401 || answer.type === "opaqueredirect") sessionEnded();
    else if (answer.ok) { toldAt = at; channel?.postMessage(at); }
  } catch {
    // No network: the server's own limit still holds, and the next tap tries again.
  } finally {
    telling = false;
  }
}

function used() {
  if (locked) return;
  const warned = Boolean(warning()?.open);
  if (warned) warning().close();
  if (warned || Date.now() - toldAt > EXTEND_EVERY_MS) extend();
}

/** Cover the page: what stands on it may be a patient's. The draft stays in it, unsent. */
export function sessionEnded() {
  if (locked || !lockDialog()) return;
  locked = true;
  warning()?.close();
  document.body.classList.add("locked");
  for (const dialog of document.querySelectorAll("dialog[open]")) if (dialog.id !== "lock") dialog.close();
  lockDialog().showModal();
}

function look() {
  if (locked) return;
  const left = LIMIT_MS - (Date.now() - toldAt);
  if (left <= 0) sessionEnded();
  else if (left <= WARN_MS && !warning().open && !document.querySelector("dialog[open]")) {
    warning().querySelector("[data-idle-at]").textContent = hhmm(Date.now() + left);
    warning().showModal();
  }
}

/** Back from signing in elsewhere: the same person, a fresh token, then the cover goes. */
async function unlock() {
  const says = lockDialog().querySelector("[data-lock-says]");
  try {
    // Not this page's own address: what a refused form stands on may answer to nothing but a POST.
    const at = Date.now();
    const answer = await fetch(unlockUrl || location.href, { headers: { "X-Background": "1" }, redirect: "follow" });
    const body = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    if (!body.dataset.user) { says.textContent = "Nobody is signed in yet. Sign in first, then come back to this tab."; return; }
    if (body.dataset.user !== user) { says.textContent = "Somebody else is signed in now. Load this page again; the draft on it cannot be taken over."; return; }
    document.body.dataset.csrf = body.dataset.csrf;
    for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = body.dataset.csrf;
    locked = false;
    toldAt = at - millisecondsUsed(body.dataset.idleSeconds);
    says.textContent = "";
    document.body.classList.remove("locked");
    lockDialog().close();
    document.dispatchEvent(new CustomEvent("session:back"));
  } catch {
    says.textContent = "The clinic's server does not answer. Try again in a moment.";
  }
}

// Another tab of this browser was handed to a patient: what stands here is not for her eyes, and nobody is signed in any more.
if (watches && "BroadcastChannel" in window) {
  new BroadcastChannel("stratum-handed-over").addEventListener("message", () => { sessionEnded(); location.replace("/"); });
}

if (watches) {
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, used, { capture: true, passive: true });
  channel?.addEventListener("message", (event) => {
    toldAt = Math.max(toldAt, event.data);
    if (warning()?.open) warning().close();
  });
  // Timers sleep with the tab: the look back at the clock is what decides.
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
  addEventListener("pageshow", look);
}
each("#lock", (dialog) => {
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => { if (locked) dialog.showModal(); });
  dialog.querySelector("[data-unlock]").addEventListener("click", unlock);
});
