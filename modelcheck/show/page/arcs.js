/* Reads-from arrows: from the line where a value was written to the line where it is read. */

/** Beyond so many only those of the step that is shown are drawn. */
const MOST_ARCS = 120;

/** Draws the arrows of a picture; those into and out of step `current` stand out. */
function drawArcs(box, current) {
  box.querySelector("svg.arcs")?.remove();
  const pairs = arcPairs(box);
  const shown = pairs.filter((pair) =>
    pairs.length <= MOST_ARCS || pair.from === current || pair.to === current);
  const outer = box.getBoundingClientRect();
  const drawing = svg("svg", { class: "arcs", "aria-hidden": "true",
    width: box.scrollWidth, height: box.scrollHeight });
  const places = shown.map((pair) => [pair, pair.writer.getBoundingClientRect(),
    pair.reader.getBoundingClientRect()]);
  for (const [pair, writer, reader] of places) {
    if (writer.width) drawing.append(arc(pair, writer, reader, outer, current));
  }
  box.append(drawing);
}

function arcPairs(box) {
  return [...box.querySelectorAll(".access[data-from]")].flatMap((reader) => {
    const from = Number(reader.dataset.from);
    const to = Number(reader.closest(".row").dataset.index);
    const writer = box.querySelector(`.row[data-index="${from}"] ` +
      `.access[data-slot="${reader.dataset.slot}"]:not(.read):not(.idle)`);
    return writer ? [{ reader, writer, from, to }] : [];
  });
}

function arc(pair, writer, reader, outer, current) {
  const x = writer.right - outer.left - 3;
  const end = reader.right - outer.left - 3;
  const y1 = writer.top + writer.height / 2 - outer.top;
  const y2 = reader.top + reader.height / 2 - outer.top;
  const bow = Math.min(46, 12 + (y2 - y1) / 14);
  const strong = pair.from === current || pair.to === current;
  const lane = [...pair.writer.closest(".row").classList].find((name) => name.startsWith("lane-"));
  const group = svg("g", { class: `${lane} ${strong ? "strong" : ""}` });
  group.append(
    svg("path", { d: `M${x},${y1} C${x + bow},${y1} ${end + bow},${y2} ${end + 5},${y2}` }),
    svg("path", { class: "tip", d: `M${end},${y2} l8,-4 l0,8 z` }));
  return group;
}
