/* The numbing clock counts on from the server's time, and the hold clock counts down. Both speak seldom. */

import { announce, each, minutesAndSeconds, serverClock } from "./dom.js";

each("[data-numbing]", (panel) => {
  const { started, now, minutes, offMinutes } = panel.dataset;
  const clock = serverClock(now);
  const startedAt = Date.parse(started);
  const whole = Number(minutes);
  const face = panel.querySelector("[data-elapsed]");
  const arc = panel.querySelector(".arc");
  const says = panel.querySelector("[data-numbing-says]");
  let said = "";

  const say = (state, words) => {
    if (said === state) return;
    said = state;
    says.textContent = words;
  };

  const tick = () => {
    const seconds = Math.max(0, (clock() - startedAt) / 1000);
    face.textContent = minutesAndSeconds(seconds);
    arc.setAttribute("stroke-dasharray", `${Math.min(seconds / 60, whole).toFixed(1)} ${whole}`);
    const over = offMinutes && seconds > Number(offMinutes) * 60;
    const ready = seconds >= whole * 60;
    panel.classList.toggle("over", Boolean(over));
    panel.classList.toggle("ready", ready && !over);
    if (over) say("over", "Numbing has been on longer than the label allows: take it off now.");
    else if (ready) say("ready", "Numbing is ready.");
  };
  tick();
  const timer = setInterval(() => { if (panel.isConnected) tick(); else clearInterval(timer); }, 1000);
});

/* ── In the drawer: minutes are enough, and ready is a word ── */
each("[data-numbing-line]", (line) => {
  const { started, now, minutes, name } = line.dataset;
  const clock = serverClock(now);
  const startedAt = Date.parse(started);
  const whole = Number(minutes);
  const says = line.querySelector("span");
  let wasReady = clock() - startedAt >= whole * 60000;
  const tick = () => {
    const since = Math.max(0, Math.floor((clock() - startedAt) / 60000));
    const ready = since >= whole;
    const said = `${ready ? "Numbing is ready" : "Numbing"}, ${since} of ${whole} min`;
    if (says.textContent !== said) says.textContent = said;
    if (ready && !wasReady) announce(`${name}: numbing is ready`);
    wasReady = ready;
  };
  tick();
  const timer = setInterval(() => { if (line.isConnected) tick(); else clearInterval(timer); }, 1000);
});

/* ── How long the times are held: spoken at 2:00, 1:00 and 0:15 only ── */
const SPOKEN = new Map([[120, "Two minutes left to confirm"], [60, "One minute left to confirm"], [15, "Fifteen seconds left to confirm"]]);

each("[data-countdown]", (clockFace) => {
  const clock = serverClock(clockFace.dataset.now);
  const until = Date.parse(clockFace.dataset.countdown);
  let last = Infinity;
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((until - clock()) / 1000));
    clockFace.textContent = minutesAndSeconds(seconds);
    for (const [mark, words] of SPOKEN) if (last > mark && seconds <= mark && last !== Infinity) announce(words);
    last = seconds;
    if (seconds > 0) return;
    clearInterval(timer);
    clockFace.dispatchEvent(new CustomEvent("countdown:end", { bubbles: true }));
    if (clockFace.dataset.countdownUrl) location.assign(clockFace.dataset.countdownUrl);
  };
  const timer = setInterval(() => { if (clockFace.isConnected) tick(); else clearInterval(timer); }, 1000);
  tick();
});
