/* Big choices are real radios; this only shows what a choice asks for, and lets Space press a link that is drawn as a button. */

import { each } from "./dom.js";

/* Several choices may ask for the same thing: it is there while any of them is chosen. */
const show = (input) => {
  const asked = document.getElementById(input.dataset.reveals);
  if (asked) asked.hidden = !document.querySelector(`[data-reveals="${input.dataset.reveals}"]:checked`);
};

each("[data-reveals]", (input) => {
  const group = input.type === "radio" ? document.getElementsByName(input.name) : [input];
  for (const one of group) one.addEventListener("change", () => show(input));
  show(input);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches?.('a[role="button"]')) return;
  event.preventDefault();
  event.target.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
});
