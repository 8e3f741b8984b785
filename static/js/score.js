/* The sum of a score follows the fingers. What is recorded is worked out again by the server, and its total counts. */

import { each } from "./dom.js";

const points = (input) => Number(input.dataset.points);

/** Regions: weight x first answer x sum of the others, in hundredths so that tenths stay exact. Else: all points added up. */
function totalOf(form, groups) {
  if (form.dataset.score !== "regions") return groups.flatMap(({ chosen }) => chosen).reduce((sum, input) => sum + points(input), 0);
  const hundredths = groups.reduce((sum, { weight, chosen: [first, ...others] }) => {
    const rest = others.reduce((added, input) => added + points(input), 0);
    return sum + Math.round(weight * 100) * points(first) * rest;
  }, 0);
  return hundredths / 100;
}

/** A number as the server reads one, or null. */
function numberOf(form, name) {
  const typed = form.querySelector(`[name=item-${name}]`)?.value.trim().replace(",", ".") ?? "";
  return /^\d+(\.\d{1,2})?$/.test(typed) ? Number(typed) : null;
}

/** The highest possible score: of a questionnaire that is named here it is typed too, and may not be there yet. */
const mostOf = (form) => (form.querySelector("[name=item-most]") ? numberOf(form, "most") : Number(form.dataset.most));

function typedOf(form) {
  const total = numberOf(form, "value");
  const least = numberOf(form, "least") ?? Number(form.dataset.least);
  const most = mostOf(form) ?? Number(form.dataset.most);
  return total !== null && total >= least && total <= most ? total : null;
}

function bandOf(form, total, chosen) {
  const bands = JSON.parse(form.dataset.bands || "[]");
  const band = bands.find(([least, most]) => least <= total && total <= most);
  if (band) return band[2];
  const label = form.dataset.score === "choice" ? chosen[0].dataset.label : "";
  return label === String(total) ? "" : label;
}

each("form[data-score]", (form) => {
  const output = form.querySelector("[data-score-total]");
  const stop = form.querySelector("[data-score-stop]");
  const raised = form.querySelector("[data-score-raised]");
  const items = [...form.querySelectorAll("[data-score-item]")];
  form.querySelector("[data-score-work-out]").hidden = true;

  function say(total, most, band) {
    const figure = document.createElement("b");
    figure.textContent = total;
    output.replaceChildren(figure, `${most ? ` of ${most}` : ""}${band ? ` · ${band}` : ""}`);
  }

  function work() {
    const chosen = items.map((item) => item.querySelector("input:checked")).filter(Boolean);
    const open = items.length - chosen.length;
    const typed = form.dataset.score === "typed";
    let total = null;
    if (typed) total = typedOf(form);
    else if (!open) {
      const groups = [...form.querySelectorAll("[data-score-group]")].map((group) => ({
        weight: Number(group.dataset.weight ?? 1),
        chosen: [...group.querySelectorAll("input:checked")],
      }));
      total = totalOf(form, groups);
    }
    if (total === null) output.textContent = typed ? "Nothing typed yet" : chosen.length ? `${open} of ${items.length} still to answer` : "Not answered yet";
    else say(total, mostOf(form), bandOf(form, total, chosen));
    if (stop) stop.hidden = total === null || !(total > Number(form.dataset.baseline) && total >= Number(form.dataset.stopAt));
    raised.hidden = !form.querySelector("[data-score-raises] input:checked:not([data-points='0'])");
  }

  form.addEventListener("input", work);
  work();
});
