/* The source of a process: the line just taken, and where everybody stands. Of a store buffer: the
   line that stored what it makes visible. */

/** A tab a process, then the file that the chosen one is in. */
function sourcePanel(trace, index, selected, choose) {
  const places = placesAt(trace, index);
  const tabs = trace.processes.map((process, n) => el("button", { type: "button", role: "tab",
    class: laneOf(trace, n), "aria-selected": String(n === selected), onclick: () => choose(n) },
    process.name));
  const shown = shownPlace(trace, index, selected, places);
  const content = shown.file < 0
    ? el("p", { class: "hidden" }, `${trace.processes[selected].name}: ${places[selected]?.status ?? ""}`)
    : listing(trace, index, shown, places);
  return [el("div", { class: "tabs", role: "tablist", "aria-label": "Processes" }, tabs), content];
}

/** The step just taken, if it is the process's own; else where it stands; else its last step. */
function shownPlace(trace, index, selected, places) {
  const step = index > 0 ? trace.steps[index - 1] : null;
  if (step && step.process === selected && lineOfStep(step).file >= 0) return lineOfStep(step);
  const place = places[selected];
  if (place && place.file >= 0) return place;
  const before = trace.steps.slice(0, index).filter((s) => s.process === selected);
  return before.length ? lineOfStep(before[before.length - 1]) : { file: -1, line: 0 };
}

function lineOfStep(step) {
  return step.stored ?? step;
}

function listing(trace, index, shown, places) {
  const file = DATA.files[shown.file];
  const step = index > 0 ? trace.steps[index - 1] : null;
  const marks = marksIn(trace, shown.file, places);
  const lines = file.lines.map((pieces, i) => {
    const number = file.first + i;
    const ran = step && lineOfStep(step);
    const taken = ran && ran.file === shown.file && ran.line === number;
    const css = [taken ? `taken ${laneOf(trace, step.process)}` : "",
      shown.line === number ? "here" : ""].join(" ");
    return el("div", { class: `line ${css}` },
      el("span", { class: "lineno" }, String(number)),
      el("span", { class: "marks" }, marks.get(number) ?? []),
      el("code", {}, pieces.map(([sort, text]) => sort ? el("span", { class: `tok-${sort}` }, text) : text)));
  });
  const box = el("div", { class: "listing", tabindex: "0", role: "region",
    "aria-label": `source, ${file.name}` }, lines);
  box.style.setProperty("--most-marks", Math.max(1, ...[...marks.values()].map((m) => m.length)));
  return [el("p", { class: "filename" }, file.name), box];
}

/** A mark for each process that is about to run a line of this file, by line. */
function marksIn(trace, file, places) {
  const marks = new Map();
  places.forEach((place, n) => {
    if (place.file !== file) return;
    const name = trace.processes[n].name;
    const mark = el("i", { class: laneOf(trace, n), title: `${name} is about to run this` },
      "\u25b8");
    marks.set(place.line, [...(marks.get(place.line) ?? []), mark]);
  });
  return marks;
}
