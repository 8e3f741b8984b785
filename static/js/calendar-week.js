/* A week comes as short rows under common columns; here they become what the day has, so that both are drawn alike. */

const TITLES = ["Dr", "Mr", "Ms", "Mrs"];

export const initials = (name) => name.split(" ").filter((part) => part && !TITLES.includes(part)).map((part) => part[0]).join("");

function shortName(name) {
  const [first, ...rest] = name.split(" ");
  return rest.length ? `${first[0]}. ${rest.at(-1)}` : first;
}

export function readWeek(data, section) {
  const visits = data.visits.map((values) => {
    const row = Object.fromEntries(data.columns.map((column, at) => [column, values[at]]));
    const [stored, words] = data.states[row.status];
    const [refusal, why] = row.refused || [];
    const shape = refusal ? "held" : stored;
    const what = row.session || data.kinds[row.kind];
    const asks = row.asks && data.moves.includes(row.status);
    const end = new Date(Date.parse(`${row.start}Z`) + row.minutes * 60000).toISOString().slice(0, 19);
    return {
      id: row.id, start: row.start, end, lane: "", prep: shape === "gone" ? 0 : row.prep, minutes: row.minutes,
      name: row.name, short_name: shortName(row.name), words: `${what} · ${why ?? (asks ? "to ask" : words)}`, short_words: what,
      spoken: [row.who, row.room].filter(Boolean).join(", "), tag: row.room, whose: initials(row.who), shape, one_line: row.minutes <= 20,
      hue: refusal ? data.refusals[refusal][0] : asks ? "ask" : "", glyph: refusal ? data.refusals[refusal][1] : asks ? section.dataset.askGlyph ?? "" : "",
      url: `${section.dataset.visitUrl}?day=${row.start.slice(0, 10)}&visit=${row.id}`, moves: data.moves.includes(row.status),
    };
  });
  return { ...data, visits, gaps: [] };
}
