/* What several modules need: start something wherever it appears, speak, the token, a clock that trusts the server. */

/** Run `start(element)` once for every element that matches, now and in whatever htmx swaps in later. */
export function each(selector, start) {
  const started = new WeakSet();
  const look = (root) => {
    const found = root.matches?.(selector) ? [root] : [];
    for (const element of [...found, ...root.querySelectorAll(selector)]) {
      if (started.has(element)) continue;
      started.add(element);
      start(element);
    }
  };
  look(document);
  document.addEventListener("htmx:load", (event) => look(event.detail.elt));
}

/** Say it through the page's live region; the same words twice are said twice. */
export function announce(words) {
  const region = document.getElementById("announcer");
  if (!region) return;
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = words; });
}

export const csrf = () => document.body.dataset.csrf ?? "";

/** A copy of a block the skeleton keeps in a <template>. */
export const fromTemplate = (id) => document.getElementById(id)?.content.firstElementChild.cloneNode(true);

export const isTyping = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName)) && !/^(radio|checkbox|button|submit)$/.test(target.type ?? "");

/** Now on the server's clock: `said` is what it showed when the page was made, counted on by this machine's stopwatch. */
export function serverClock(said) {
  const base = Date.parse(said) - performance.now();
  return () => base + performance.now();
}

export const hhmm = (moment) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(moment);

export const minutesAndSeconds = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
