/* What the page knows, and questions to it. */

const DATA = JSON.parse(document.getElementById("data").textContent);

/** The change of each location in the state `index`, by the location's number. */
function changesAt(trace, index) {
  const found = new Map();
  if (index > 0) for (const change of trace.changes[index - 1]) found.set(change.slot, change);
  return found;
}

/** The place of each process in the state `index`. */
function placesAt(trace, index) {
  const moment = trace.moments[index];
  return moment ? moment.map((number) => trace.places[number]) : [];
}

/** The text of a location's value in the state `index`. */
function valueAt(trace, slot, index) {
  const number = trace.states[index][slot];
  return number < 0 ? "" : trace.values[number];
}

/** The class that gives an element the colour of a process. */
function laneOf(trace, process) {
  return `lane-${trace.processes[process].color}`;
}

/** The same for a process by its name; nothing where the trace does not know it. */
function laneNamed(trace, name) {
  const number = trace.processes.findIndex((process) => process.name === name);
  return number < 0 ? "" : laneOf(trace, number);
}

/** `0 -> 1`, `added 3`, `removed 3`, `stays 0` as elements; old and new in colours of their own. */
function changeText(part) {
  const old = el("del", {}, part.old);
  const now = el("ins", {}, part.new);
  if (part.sort === "changed") return [old, " \u2192 ", now];
  if (part.sort === "added") return ["+ ", now];
  if (part.sort === "removed") return ["\u2212 ", old];
  return part.sort === "stays" ? ["stays ", part.new] : [];
}
