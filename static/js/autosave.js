/* A note is saved as it is typed. What is not on the server yet stays in the open page, and the page says so; nothing is kept in the browser. */

import { csrf, each, hhmm } from "./dom.js";
import { sessionEnded } from "./idle.js";

const PAUSE_MS = 800;      // after the last key
const LONGEST_MS = 4000;   // while someone types without a pause: a killed browser loses at most five seconds
const AGAIN_MS = [2000, 4000, 8000, 15000];

each("form[data-autosave]", (form) => {
  const state = form.querySelector("[data-save-state]") ?? document.querySelector("[data-save-state]");
  let pause, longest, again;
  let tries = 0;
  let dirty = false;
  let sending = false;
  let typedMeanwhile = false;
  let savedAt = "";
  let leaving = false;  // with all that stands in the form, or because its time is over

  function say(mood, words, more) {
    if (!state) return;
    state.classList.remove("calm", "late", "lost");
    if (mood) state.classList.add(mood);
    state.querySelector("b").textContent = words;
    state.querySelector("span").textContent = more;
  }

  function changed() {
    dirty = true;
    typedMeanwhile = sending;
    clearTimeout(pause);
    pause = setTimeout(send, PAUSE_MS);
    longest ??= setTimeout(send, LONGEST_MS);
  }

  async function send() {
    clearTimeout(pause);
    clearTimeout(longest);
    clearTimeout(again);
    longest = undefined;
    if (sending || !dirty) return;
    sending = true;
    dirty = false;
    say("calm", "Saving", "on the clinic server");
    try {
      const answer = await fetch(form.dataset.autosaveUrl || form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { "X-CSRFToken": csrf(), "X-Background": "1", "X-Autosave": "1", Accept: "application/json" },
        redirect: "manual",
      });
      if (answer.status === 401 || answer.type === "opaqueredirect") { late("Locked"); sessionEnded(); }
      else if (answer.ok) await saved(answer);
      else if (answer.status === 409 || answer.status === 422) await refused(answer);
      else late();
    } catch {
      late();
    } finally {
      sending = false;
    }
    if (typedMeanwhile && !tries) changed();
  }

  async function body(answer) {
    return answer.headers.get("content-type")?.includes("json") ? answer.json() : {};
  }

  async function saved(answer) {
    const said = await body(answer);
    tries = 0;
    savedAt = said.saved_at ?? hhmm(Date.now());
    if (said.version !== undefined && form.elements.version) form.elements.version.value = said.version;
    say("", `Saved ${savedAt}`, "on the clinic server");
  }

  async function refused(answer) {
    const said = await body(answer);
    dirty = true;
    tries = 0;
    say("lost", "Not saved", said.sentence ?? (answer.status === 409 ? "Somebody changed it meanwhile: open it in a second tab, then copy yours over" : "One answer needs another look"));
  }

  /** The text stays where it is; try again, slower each time, and at once when the network is back. */
  function late(why = "") {
    dirty = true;
    say("lost", savedAt ? `Not saved since ${savedAt}` : "Not saved yet", why || "keep this page open");
    again = setTimeout(send, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
  }

  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => { leaving = true; dirty = false; clearTimeout(pause); clearTimeout(longest); clearTimeout(again); });
  addEventListener("online", () => { if (dirty) send(); });
  document.addEventListener("session:back", () => { if (dirty) send(); });
  document.addEventListener("visibilitychange", () => { if (document.hidden && dirty) send(); });
  document.addEventListener("page:leaves", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });
  addEventListener("beforeunload", (event) => { if (!leaving && (dirty || sending)) event.preventDefault(); });
});
