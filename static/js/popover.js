/* A why stands beside its number where there is room; without this module the browser centres it. */

import { each } from "./dom.js";

const EDGE = 12;

function place(pop, link) {
  const at = link.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = pop;
  const roomRight = innerWidth - at.right - EDGE * 2;
  const beside = roomRight >= width;
  const below = !beside && innerHeight - at.bottom - EDGE >= height;
  if (!beside && !below && height + EDGE * 2 > innerHeight) return; // centred, and it scrolls
  pop.classList.add("placed");
  pop.classList.toggle("beside", beside);
  const left = beside ? at.right + EDGE : Math.min(at.left, innerWidth - width - EDGE);
  const top = beside ? at.top - 24 : below ? at.bottom + EDGE / 2 : Math.max(EDGE, at.top - height - EDGE / 2);
  pop.style.left = `${Math.max(EDGE, left)}px`;
  const clamped = Math.min(Math.max(EDGE, top), Math.max(EDGE, innerHeight - height - EDGE));
  pop.style.top = `${clamped}px`;
  pop.style.setProperty("--arrow", `${Math.min(height - 24, at.top + at.height / 2 - clamped - 6)}px`);
}

/** A wish opens under its words, and moves to the left where it would leave the window. */
each("details.pick", (wish) => {
  const fit = () => {
    const box = wish.querySelector(":scope > div");
    box.style.insetInlineStart = "";
    const over = box.getBoundingClientRect().right + EDGE - document.documentElement.clientWidth;
    if (wish.open && over > 0) box.style.insetInlineStart = `${-over}px`;
  };
  wish.addEventListener("toggle", fit);
  fit();
});
// On a telephone it lies over the next wish, and there is no Escape: a tap beside it closes it.
document.addEventListener("click", (event) => {
  for (const wish of document.querySelectorAll("details.pick[open]")) if (!wish.contains(event.target)) wish.open = false;
});

each(".pop[popover]", (pop) => {
  const links = () => document.querySelectorAll(`[data-why][popovertarget="${CSS.escape(pop.id)}"]`);
  pop.addEventListener("beforetoggle", (event) => {
    if (event.newState === "closed") pop.classList.remove("placed", "beside");
  });
  pop.addEventListener("toggle", (event) => {
    const open = event.newState === "open";
    for (const link of links()) link.setAttribute("aria-expanded", String(open));
    if (open && links().length) place(pop, links()[0]);
  });
});
