/* What another desk changes is here within seconds. Asked in the background, which keeps nobody signed in; never while somebody drags or has a change before her. */

import { sessionEnded } from "./idle.js";
import { hhmm } from "./dom.js";

const EVERY_MS = 6000;
const AGAIN_MS = [6000, 12000, 24000, 48000];
const PARTS = ["counts", "calls", "day-list", "week-list"];
const followed = new Map();

/** Apply what came while somebody dragged. */
export function applyWaiting(page) {
  followed.get(page)?.applyLater();
}

export function follow(page, { isBusy, show }) {
  const says = document.querySelector("[data-follow-says]");
  let tag = page.dataset.tag ? `W/"${page.dataset.tag}."` : "";
  let waiting = null;   // what has come and is not shown yet
  let fresh = Date.now();
  let tries = 0;
  let timer;
  let asking = false;
  let stopped = false;

  const later = (ms) => { clearTimeout(timer); if (!stopped) timer = setTimeout(ask, ms); };

  function say(words, link) {
    if (!says) return;
    says.textContent = words;
    says.hidden = !words;
    if (link) says.append(" ", Object.assign(document.createElement("a"), { href: location.href, textContent: link }));
  }

  async function ask() {
    clearTimeout(timer);
    if (stopped || asking || document.hidden || !page.isConnected) return;
    asking = true;
    try {
      const answer = await fetch(page.dataset.follow, { headers: { "X-Background": "1", Accept: "application/json", ...(tag ? { "If-None-Match": tag } : {}) }, cache: "no-store", redirect: "manual" });
      if (answer.status === 401 || answer.type === "opaqueredirect") { stopped = true; say("You are signed out: this day is no longer up to date."); sessionEnded(); return; }
      if (answer.status === 403) { stopped = true; say(`Not up to date since ${hhmm(fresh)}: this is no longer open to you.`, "Load the page again"); return; }
      if (answer.status !== 304 && !answer.ok) throw new Error(String(answer.status));
      if (answer.ok) waiting = { data: await answer.json() };
      tag = answer.headers.get("ETag") ?? tag;
      fresh = Date.now();
      tries = 0;
      say("");
      apply();
      later(EVERY_MS);
    } catch {
      say(`Not up to date since ${hhmm(fresh)}`);
      later(AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
    } finally {
      asking = false;
    }
  }

  function apply() {
    if (!waiting || isBusy()) return;
    const { data } = waiting;
    waiting = null;
    const chosen = new URLSearchParams(location.search).get("visit");
    const before = page.dataset.chosenSays ?? "";
    page.dataset.chosenSays = JSON.stringify(data.visits.find((visit) => visit.id === chosen) ?? "");
    show(data);
    parts(Boolean(before) && before !== page.dataset.chosenSays);
  }

  /** The lists and counts around the picture; the drawer only where its own visit is another one now and nobody is in it. */
  async function parts(drawerToo) {
    if (!page.dataset.parts) return;
    try {
      const answer = await fetch(location.href, { headers: { "X-Background": "1" }, redirect: "manual" });
      if (!answer.ok) return;
      const body = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of drawerToo ? [...PARTS, "drawer"] : PARTS) {
        const [here, there] = [document.getElementById(id), body.getElementById(id)];
        if (!here || !there || (id === "drawer" && here.contains(document.activeElement)) || isBusy()) continue;
        const [href, top] = [here.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null, here.scrollTop];
        here.replaceWith(document.adoptNode(there));
        window.htmx?.process(there);
        there.scrollTop = top;
        if (href) [...there.querySelectorAll("a")].find((link) => link.getAttribute("href") === href)?.focus({ preventScroll: true });
      }
    } catch {
      // The next change brings them.
    }
  }

  document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else ask(); });
  addEventListener("online", ask);
  document.addEventListener("session:back", () => { stopped = false; say(""); ask(); });
  followed.set(page, { applyLater: () => { apply(); } });
  later(EVERY_MS);
}
