/* Native dialogs: open and close, a question before an act, and one press for one effect. */

import { each } from "./dom.js";

document.addEventListener("click", (event) => {
  const opens = event.target.closest?.("[data-opens]");
  if (opens && opens.dataset.opens !== "keys") {
    const dialog = document.getElementById(opens.dataset.opens);
    if (dialog && !dialog.open) dialog.showModal();
    return;
  }
  const closes = event.target.closest?.("[data-closes]");
  if (closes) closes.closest("dialog")?.close();
});

/** Ask in the page's own dialog; resolves to true when the act was chosen. */
export function ask(words, act = "Go ahead") {
  const dialog = document.getElementById("ask");
  if (!dialog) return Promise.resolve(window.confirm(words));
  dialog.querySelector("[data-words]").textContent = words;
  const button = dialog.querySelector("[data-act]");
  button.textContent = act;
  return new Promise((resolve) => {
    let chosen = false;
    const accept = () => { chosen = true; dialog.close(); };
    button.addEventListener("click", accept, { once: true });
    dialog.addEventListener("close", () => {
      button.removeEventListener("click", accept);
      resolve(chosen);
    }, { once: true });
    dialog.showModal();
  });
}

const answered = new WeakSet();
document.addEventListener("submit", async (event) => {
  const button = event.submitter;
  const asking = button?.dataset.confirm ? button : event.target;
  if (!asking.dataset?.confirm || answered.has(event.target)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await ask(asking.dataset.confirm, asking.dataset.confirmAct))) return;
  answered.add(event.target);
  event.target.requestSubmit(button);
  answered.delete(event.target);
}, true);
// hx-confirm asks in the same dialog.
document.addEventListener("htmx:confirm", async (event) => {
  if (!event.detail.question) return;
  event.preventDefault();
  if (await ask(event.detail.question, event.detail.elt.dataset.confirmAct)) event.detail.issueRequest(true);
});

/* ── One press ── */
each("form[data-once]", (form) => {
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const button = event.submitter ?? form.querySelector('[type="submit"]');
    // After the browser has read the form: a disabled button would not be sent.
    setTimeout(() => {
      for (const each of form.querySelectorAll('button[type="submit"], button:not([type])')) each.disabled = true;
      if (button?.dataset.busy) button.textContent = button.dataset.busy;
      button?.classList.add("busy");
    });
  });
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll("form[data-once] button:disabled")) button.disabled = false;
});
