/* The day and the week, drawn by the calendar library from the same facts as the list beside them. What it draws are links: they open the drawer, and without this module the list holds them all. */

import { each } from "./dom.js";
import { content, counted, labels } from "./calendar-card.js";
import { dropped, trayIsOpen } from "./calendar-drop.js";
import { readWeek } from "./calendar-week.js";
import { follow, applyWaiting } from "./calendar-follow.js";

const HOUR_PX = 56;          // no hour is lower than this, however long the day
const SMALL = matchMedia("(max-width: 36rem)");
const TICK_MS = 15000;

const minuteOf = (visit) => Number(visit.start.slice(11, 13)) * 60 + Number(visit.start.slice(14, 16));
const hh = (minute) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}:00`;

/** The clinic's wall clock, as milliseconds of a calendar without zones: what the page said, counted on by this machine's stopwatch. */
function wallClock(said) {
  const base = Date.parse(`${said.slice(0, 19)}Z`) - performance.now();
  return () => base + performance.now();
}

class Calendar {
  constructor(section) {
    this.section = section;
    this.place = section.querySelector(".calendar-grid");
    this.data = this.read(JSON.parse(document.getElementById(section.dataset.events).textContent));
    this.now = wallClock(section.dataset.now);
    this.moment = (() => { const base = Date.parse(section.dataset.now) - performance.now(); return () => base + performance.now(); })();
    this.held = false;
  }

  read(data) {
    return data.columns ? readWeek(data, this.section) : data;
  }

  mount() {
    this.place.addEventListener("dragstart", (event) => event.preventDefault());
    this.labels = labels(this);
    this.ec = EventCalendar.create(this.place, {
      view: this.section.dataset.calendar,
      date: this.data.day ?? this.data.days[0].day,
      firstDay: 1,
      headerToolbar: { start: "", center: "", end: "" },
      height: "100%",
      allDaySlot: false,
      slotDuration: "01:00:00",
      slotLabelInterval: "01:00:00",
      slotLabelFormat: (time) => `${String(time.getHours()).padStart(2, "0")}:${String(time.getMinutes()).padStart(2, "0")}`,
      snapDuration: "00:05:00",
      slotEventOverlap: false,
      slotMinTime: hh(this.data.opens),
      slotMaxTime: hh(this.data.closes),
      scrollTime: hh(this.data.opens),
      slotHeight: this.hourPx(),
      editable: Boolean(this.section.dataset.moveUrl),
      eventDurationEditable: false,
      eventContent: content(this),
      resourceLabelContent: this.labels,
      dayHeaderFormat: (date) => this.dayHead(date),
      highlightedDates: (this.data.days ?? []).filter((one) => one.note).map((one) => one.day),
      resources: this.resources(),
      events: this.events(),
      eventDragStart: () => { this.held = true; },
      eventDragStop: () => { this.held = false; this.swallowClick(); },
      eventDrop: (info) => dropped(this, info),
      eventAllUpdated: () => { this.process(); this.drawNow(); },
      ...this.columns(),
    });
    new ResizeObserver(() => this.fit()).observe(this.section);
    this.fit();
    setInterval(() => { if (this.section.isConnected) { this.count(); this.drawNow(); } }, TICK_MS);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) { this.count(); this.drawNow(); } });
  }

  resources() {
    return (this.data.lanes ?? []).map(({ id, title, sub }) => ({ id, title, extendedProps: { sub } }));
  }

  columns() {
    const many = (this.data.lanes?.length ?? 0) > 4;
    return many ? { columnWidth: "minmax(9.5rem, 1fr)" } : {};
  }

  events() {
    const made = this.data.off.map((block, number) => ({
      id: `off-${number}`, start: block.start, end: block.end, resourceIds: [block.lane], display: "background", classNames: ["off"],
      extendedProps: { kind: "off", shown: block },
    }));
    for (const gap of this.data.gaps ?? []) {
      made.push({
        id: `gap-${gap.lane}-${gap.start}`, start: gap.start, end: gap.end, resourceIds: [gap.lane], editable: false, startEditable: false, classNames: ["free-time"],
        extendedProps: { kind: "gap", shown: gap },
      });
    }
    for (const visit of this.data.visits) {
      made.push({
        id: visit.id, start: visit.start, end: visit.end, resourceIds: [visit.lane], startEditable: visit.moves, classNames: ["card"],
        extendedProps: { kind: "visit", shown: visit },
      });
    }
    return made;
  }

  dayHead(date) {
    const on = `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
    const note = this.data.days?.find((one) => one.day === on)?.note;
    const [weekday, rest] = [{ weekday: "short" }, { day: "numeric", month: "short" }].map((how) => new Intl.DateTimeFormat("en-GB", how).format(date));
    const head = document.createElement("a");
    head.className = on === this.data.today ? "day-name is-today" : "day-name";
    head.href = `${this.section.dataset.visitUrl}?day=${on}`;
    head.append(Object.assign(document.createElement("b"), { textContent: `${weekday} ${rest}` }), Object.assign(document.createElement("span"), { textContent: note || this.countOf(on) }));
    return { domNodes: [head] };
  }

  countOf(on) {
    const many = this.data.visits.filter((visit) => visit.start.startsWith(on) && visit.shape !== "gone").length;
    return many === 1 ? "1 visit" : `${many} visits`;
  }

  /** The whole day at once where it can be read so; else it scrolls inside. */
  hourPx() {
    const head = this.place.querySelector(".ec-header")?.offsetHeight ?? 52;
    const hours = (this.data.closes - this.data.opens) / 60;
    const floor = this.section.classList.contains("week") ? 44 : HOUR_PX;
    return Math.max(floor, Math.floor(((this.section.clientHeight - head - 2) / hours) * 10) / 10);
  }

  fit() {
    const px = this.hourPx();
    if (Math.abs(px - (this.px ?? 0)) < 0.2) return;
    this.px = px;
    this.ec.setOption("slotHeight", px);
    requestAnimationFrame(() => this.drawNow());
  }

  /** What another desk changed. Whoever has the focus keeps it, and nothing scrolls. */
  show(data) {
    const focused = document.activeElement?.closest?.(".calendar-grid") ? document.activeElement.id : "";
    const frame = [this.data.opens, this.data.closes];
    this.data = this.read(data);
    if (frame[0] !== this.data.opens || frame[1] !== this.data.closes) {
      this.ec.setOption("slotMinTime", hh(this.data.opens));
      this.ec.setOption("slotMaxTime", hh(this.data.closes));
    }
    this.ec.setOption("resources", this.resources());
    this.ec.setOption("events", this.events());
    requestAnimationFrame(() => {
      this.fit();
      this.drawNow();
      if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
    });
  }

  /** htmx takes note of what was drawn; the chosen visit is marked. */
  process() {
    const chosen = new URLSearchParams(location.search).get("visit");
    for (const link of this.place.querySelectorAll("a.visit")) {
      if (!link.dataset.known) { link.dataset.known = "1"; window.htmx?.process(link); }
      const isChosen = Boolean(chosen) && link.id === `visit-${chosen}`;
      link.classList.toggle("chosen", isChosen);
      if (isChosen) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    }
  }

  /** Minutes that pass without anything being changed. */
  count() {
    for (const words of this.place.querySelectorAll("[data-since]")) {
      words.textContent = counted(words.dataset.words, words.dataset.since, this.moment());
    }
  }

  drawNow() {
    const body = this.place.querySelector(".ec-body");
    const events = body?.querySelector(".ec-events");
    if (!events || !this.place.querySelector(".ec-time-grid")) return;
    const now = new Date(this.now());
    const minute = now.getUTCHours() * 60 + now.getUTCMinutes();
    const column = this.data.days ? this.data.days.findIndex((one) => one.day === now.toISOString().slice(0, 10)) : 0;
    const isShown = minute >= this.data.opens && minute < this.data.closes && column >= 0 && now.toISOString().slice(0, 10) === (this.data.days?.[column].day ?? this.data.day);
    if (!isShown) { body.querySelectorAll(".nowline, .nowtag").forEach((line) => line.remove()); return; }
    const top = `${((minute - this.data.opens) / 60) * this.px}px`;
    const line = (classes, where) => {
      const made = body.querySelector(`.${classes.replaceAll(" ", ".")}`) ?? Object.assign(document.createElement("i"), { className: classes });
      if (!made.isConnected) where(made);
      made.style.insetBlockStart = top;
      if (this.data.days && !classes.includes("nowtag")) made.style.gridColumn = `${column + 2} / span 1`;
      return made;
    };
    line("nowline under", (made) => events.before(made));
    line("nowline over", (made) => events.after(made));
    line("nowtag", (made) => events.after(made)).textContent = now.toISOString().slice(11, 16);
  }

  /** The press that ends a drag is no click on the visit. */
  swallowClick() {
    const stop = (event) => { event.preventDefault(); event.stopPropagation(); };
    addEventListener("click", stop, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", stop, { capture: true }), 0);
  }

  /** The first visit still to come of a column, else its first one. */
  enterLane(id) {
    const mine = this.data.visits.filter((visit) => visit.lane === id);
    const found = mine.find((visit) => visit.moves) ?? mine[0];
    if (found) document.getElementById(`visit-${found.id}`)?.focus();
  }

  isBusy() {
    return this.held || trayIsOpen();
  }
}

/* ── Arrows: from visit to visit, up and down by time, left and right to the next column ── */
function arrows(calendar) {
  calendar.place.addEventListener("keydown", (event) => {
    const link = event.target.closest?.("a.visit");
    const way = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!link || !way || event.ctrlKey || event.metaKey || event.altKey) return;
    const { visits, lanes, days } = calendar.data;
    const here = visits.find((visit) => `visit-${visit.id}` === link.id);
    const columns = lanes ? lanes.map((lane) => visits.filter((visit) => visit.lane === lane.id)) : days.map(({ day }) => visits.filter((visit) => visit.start.startsWith(day)));
    let at = columns.findIndex((column) => column.includes(here));
    let next;
    if (event.key === "ArrowUp" || event.key === "ArrowDown") next = columns[at][columns[at].indexOf(here) + way];
    else {
      const away = (visit) => Math.abs(minuteOf(visit) - minuteOf(here));
      for (at += way; columns[at] && !next; at += way) next = [...columns[at]].sort((one, other) => away(one) - away(other))[0];
    }
    event.preventDefault();
    if (next) document.getElementById(`visit-${next.id}`)?.focus();
  });
}

function begin(section) {
  if (!window.EventCalendar) { document.documentElement.classList.remove("scripted"); return null; }
  const calendar = new Calendar(section);
  calendar.mount();
  arrows(calendar);
  for (const heard of ["htmx:pushedIntoHistory", "htmx:afterSettle"]) document.addEventListener(heard, () => { if (section.isConnected) calendar.process(); });
  return calendar;
}

const calendars = new Map();
each("[data-calendar]", (section) => {
  const start = () => { if (!SMALL.matches && !calendars.has(section)) calendars.set(section, begin(section)); };
  start();
  SMALL.addEventListener("change", start);
});

each("form[data-submits]", (form) => form.addEventListener("change", () => form.requestSubmit()));

each("[data-follow]", (page) => {
  const mine = () => [...calendars.values()].filter((calendar) => calendar && page.contains(calendar.section));
  follow(page, {
    isBusy: () => mine().some((calendar) => calendar.isBusy()),
    show: (data) => { for (const calendar of mine()) calendar.show(data); },
  });
  document.addEventListener("tray:closed", () => applyWaiting(page));
});
