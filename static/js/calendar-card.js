/* What stands on the calendar: made node by node from what the server said, so that no name can become markup. Kept as long as it says the same: an update disturbs nothing that did not change. */

const SVG = "http://www.w3.org/2000/svg";

function node(name, { className = "", text = "", ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children.filter(Boolean));
  return made;
}

function glyph(url, hue) {
  if (!url) return null;
  const drawn = document.createElementNS(SVG, "svg");
  drawn.setAttribute("class", `${url.includes("#s-") ? "g" : "i"} ${hue}`.trim());
  drawn.setAttribute("viewBox", "0 0 16 16");
  drawn.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", url);
  drawn.append(use);
  return drawn;
}

/** Words with the minutes since a moment in them; that numbing is ready is a word. The server words it alike. */
export function counted(words, since, moment) {
  const minutes = Math.max(0, Math.floor((moment - Date.parse(since)) / 60000));
  const whole = Number(/# of (\d+) min/.exec(words)?.[1] ?? Infinity);
  return (minutes >= whole ? words.replace("numbing #", "ready, #") : words).replace("#", minutes);
}

const long = (text) => node("span", { className: "long", text });
const short = (text) => node("span", { className: "short", text });

function visitCard(calendar, visit, { isCopy }) {
  const words = long(visit.words);
  if (visit.since) {
    words.dataset.since = visit.since;
    words.dataset.words = visit.words;
    words.textContent = counted(visit.words, visit.since, calendar.moment());
  }
  const card = node("a", {
    className: ["visit", visit.shape, visit.prep ? "split" : "", visit.one_line ? "oneline" : "", visit.beside ? "beside" : "", visit.moves ? "moves" : ""].filter(Boolean).join(" "),
    href: visit.url,
    draggable: "false",
    "aria-label": [visit.start.slice(11, 16), visit.name, visit.spoken, words.textContent, visit.beside ? `beside another on purpose: ${visit.beside}` : ""].filter(Boolean).join(", "),
  });
  if (visit.prep) {
    card.append(node("span", { className: "numb" }, node("span", { text: visit.tag })));
    card.style.gridTemplateRows = `minmax(0, ${visit.prep}fr) minmax(0, ${visit.minutes - visit.prep}fr)`;
  }
  card.append(node("span", { className: "treat" }, node("b", {}, long(visit.name), short(visit.short_name)), node("small", {}, glyph(visit.glyph, visit.hue), words, short(visit.short_words))));
  if (visit.beside) card.append(node("i", { className: "two", title: `Beside another on purpose: ${visit.beside}`, "aria-hidden": "true" }));
  if (isCopy) return card;
  card.id = `visit-${visit.id}`;
  if (!calendar.section.dataset.opensPage) card.setAttribute("hx-get", visit.url);
  return card;
}

/** A line of a week of everybody: when, who, with whom. */
function lineCard(calendar, visit, { isCopy }) {
  const card = node("a", {
    className: ["visit", visit.shape, visit.moves ? "moves" : ""].filter(Boolean).join(" "), href: visit.url, draggable: "false",
    "aria-label": [visit.start.slice(11, 16), visit.name, visit.words, visit.spoken].filter(Boolean).join(", "),
  }, node("time", { text: visit.start.slice(11, 16) }), glyph(visit.glyph, visit.hue), node("b", { text: visit.short_name }), node("span", { className: "whose", text: visit.whose }));
  if (!isCopy) card.id = `visit-${visit.id}`;
  return card;
}

function gapCard(gap) {
  return node("a", { className: "gap", href: gap.url, draggable: "false", "data-key": "f", "data-key-label": "Fill the first free time" },
    node("span", { text: gap.words }), gap.fill ? node("b", { className: "end", text: gap.fill }) : null);
}

/** The content of an event, as the library asks for it. */
export function content(calendar) {
  const kept = new Map();
  const visitOf = calendar.section.classList.contains("everybody") ? lineCard : visitCard;
  return ({ event }) => {
    const { kind, shown } = event.extendedProps;
    if (!shown) return "";
    // While it is dragged there are two of it: a ghost where it was, and a copy under the pointer.
    if (event.display === "preview") return { domNodes: [visitOf(calendar, shown, { isCopy: true })] };
    const said = JSON.stringify(shown);
    const before = kept.get(event.id);
    if (before?.said === said) return before.content;
    const made = { domNodes: [kind === "visit" ? visitOf(calendar, shown, {}) : kind === "gap" ? gapCard(shown) : node("span", { text: shown.words })] };
    kept.set(event.id, { said, content: made });
    return made;
  };
}

/** The head of a column: its number is the key that leads into it. */
export function labels(calendar) {
  const kept = new Map();
  return ({ resource }) => {
    const { id, title } = resource;
    const sub = resource.extendedProps.sub ?? "";
    const number = calendar.data.lanes.findIndex((lane) => lane.id === id) + 1;
    const said = `${number} ${title} ${sub}`;
    if (kept.get(id)?.said === said) return kept.get(id).content;
    const head = node("button", { type: "button", className: "lane-head", tabindex: "-1", ...(number > 0 && number <= 9 ? { "data-key": String(number), "data-key-label": `The column of ${title}` } : {}) },
      node("b", { text: title }), node("span", { text: sub }));
    head.addEventListener("click", () => calendar.enterLane(id));
    const made = { domNodes: [head] };
    kept.set(id, { said, content: made });
    return made;
  };
}
