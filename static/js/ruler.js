/* A booked block moves by arrow key or by hand; after a pause the server says in the tray what that would do. Nothing is saved here. */

import { announce, each } from "./dom.js";

const PAUSE_MS = 350;
const DAY_MS = 86400000;

const iso = (day) => day.toISOString().slice(0, 10);
const asDay = (text) => new Date(`${text}T00:00:00Z`);
const spoken = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });

// The server draws the whole ruler anew with what it says: the block that had the focus gets it back, and its grip is gone.
let refocus = "";

// A date of which half would stand out from under a block is not read: the block that lies over it says where it went.
each("[data-ruler]", (ruler) => {
  const over = [...ruler.querySelectorAll("[data-block]")].map((block) => block.getBoundingClientRect());
  for (const date of ruler.querySelectorAll("text.old")) {
    const at = date.getBoundingClientRect();
    date.toggleAttribute("hidden", over.some((one) => one.top < at.bottom && at.top < one.bottom && one.left < at.right && at.left < one.right));
  }
});

each("[data-ruler] [data-block]", (block) => {
  const ruler = block.closest("[data-ruler]");
  const tray = () => document.querySelector(ruler.dataset.tray);
  const dayPx = Number(ruler.dataset.dayPx);
  const { block: ref, on } = block.dataset;
  const home = asDay(on);
  const homeX = Number(block.dataset.x);
  const y = /translate\(\S+ (\S+)\)/.exec(block.getAttribute("transform"))[1];
  const homeIndex = Number(block.getAttribute("aria-valuenow"));
  const last = Number(block.getAttribute("aria-valuemax"));
  let moved = 0;
  let pause;
  if (refocus === ref) {
    refocus = "";
    block.focus({ preventScroll: true });
  }

  function show() {
    block.setAttribute("transform", `translate(${(homeX + moved * dayPx).toFixed(1)} ${y})`);
    const day = new Date(home.getTime() + moved * DAY_MS);
    block.setAttribute("aria-valuetext", spoken.format(day));
    block.setAttribute("aria-valuenow", Math.min(Math.max(homeIndex + moved, 0), last));
    return day;
  }

  function forget() {
    clearTimeout(pause);
    window.htmx?.trigger(ruler, "htmx:abort");
  }

  function preview() {
    const day = show();
    forget();
    pause = setTimeout(() => {
      const url = new URL(ruler.dataset.previewUrl, location.href);
      url.searchParams.set("session", ref);
      url.searchParams.set("on", iso(day));
      refocus = document.activeElement === block ? ref : "";
      window.htmx.ajax("GET", url.pathname + url.search, { source: ruler, target: ruler.dataset.tray, swap: "outerHTML" })
        .catch(() => {}); // what went wrong is said by htmx-glue
    }, PAUSE_MS);
  }

  block.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -7, PageUp: 7 }[event.key];
    if (step) {
      event.preventDefault();
      moved += event.shiftKey ? step * 7 : step;
      preview();
    } else if (event.key === "Escape") {
      forget();
      moved = 0;
      show();
      // Escape goes on to the tray's own way back, which has the focus returned to the block.
      if (tray()?.querySelector("[data-ruler-back]")) refocus = ref;
    } else if (event.key === "Enter") {
      const accept = tray()?.querySelector("[data-accept]");
      if (accept) { event.preventDefault(); accept.click(); }
    }
  });

  let grip = null;
  block.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    forget();
    block.setPointerCapture(event.pointerId);
    block.classList.add("dragging");
    grip = { x: event.clientX, from: moved, scale: ruler.viewBox.baseVal.width / ruler.getBoundingClientRect().width };
  });
  block.addEventListener("pointermove", (event) => {
    if (!grip) return;
    moved = grip.from + Math.round((event.clientX - grip.x) * grip.scale / dayPx);
    show();
  });
  block.addEventListener("pointerup", () => {
    if (!grip) return;
    const changed = moved !== grip.from;
    grip = null;
    block.classList.remove("dragging");
    if (changed) preview();
  });
  block.addEventListener("pointercancel", () => {
    if (!grip) return;
    moved = grip.from;
    grip = null;
    block.classList.remove("dragging");
    show();
  });
});

// What the tray says is also said aloud.
each(".tray [data-says]", (says) => announce(says.textContent.replace(/\s+/g, " ").trim()));
