/* The button that copies what stands beside it. Without scripts it is not there, and a tap takes hold of all of the text. */

import { each } from "./dom.js";

function select(text) {
  const all = document.createRange();
  all.selectNodeContents(text);
  getSelection().removeAllRanges();
  getSelection().addRange(all);
}

each("[data-copies]", (button) => {
  const text = document.getElementById(button.dataset.copies);
  const says = document.getElementById(button.dataset.says);
  button.hidden = false;
  button.addEventListener("click", async () => {
    says.textContent = "";
    try {
      await navigator.clipboard.writeText(text.textContent.trim());
      says.textContent = "Copied";
    } catch {
      // No clipboard without a secure connection, or the browser forbids it: what is marked is copied by hand.
      select(text);
      says.textContent = "Not copied. It is marked now: copy it by hand.";
    }
  });
});
