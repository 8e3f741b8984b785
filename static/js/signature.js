/* A signature as an SVG path in a box of 600 by 200, whatever the pad measures. The typed name is the keyboard's way and needs none of this. */

import { each } from "./dom.js";

const WIDTH = 600;
const HEIGHT = 200;
const LEAST_STEP = 2;

each("[data-signature]", (pad) => {
  const canvas = pad.querySelector("canvas");
  const field = pad.querySelector("[data-signature-path]");
  const says = pad.querySelector("[data-signature-state]");
  if (!canvas) return pad.querySelector("[data-signature-clear]")?.addEventListener("click", () => { field.value = ""; pad.querySelector(".kept")?.remove(); says.textContent = "Cleared. Type your name, or load the page again to draw."; });
  const pen = canvas.getContext("2d");
  let strokes = [];
  let drawing = null;

  // A stroke that began in the box is followed beyond it: there it runs along the edge.
  const within = (share, most) => Math.min(most, Math.max(0, Math.round(share * most)));
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return [within((event.clientX - box.left) / box.width, WIDTH), within((event.clientY - box.top) / box.height, HEIGHT)];
  };

  function draw() {
    pen.clearRect(0, 0, WIDTH, HEIGHT);
    pen.lineWidth = 3;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = getComputedStyle(canvas).color;
    for (const stroke of strokes) {
      pen.beginPath();
      pen.moveTo(...stroke[0]);
      for (const at of stroke.slice(1)) pen.lineTo(...at);
      if (stroke.length === 1) pen.lineTo(stroke[0][0] + 0.5, stroke[0][1]);
      pen.stroke();
    }
  }

  const keep = () => {
    field.value = strokes.map((stroke) => `M${stroke.map((at) => at.join(" ")).join("L")}`).join("");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    says.textContent = strokes.length ? "Signed." : "";
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drawing = [point(event)];
    strokes.push(drawing);
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const at = point(one);
      const last = drawing.at(-1);
      if (Math.hypot(at[0] - last[0], at[1] - last[1]) >= LEAST_STEP) drawing.push(at);
    }
    draw();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => { if (drawing) { drawing = null; keep(); } });
  }
  pad.querySelector("[data-signature-clear]").addEventListener("click", () => { strokes = []; draw(); keep(); canvas.focus(); });
});
