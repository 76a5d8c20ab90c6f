/* The lanes: a column a process, memory and buffers in the middle, a row a step, time downward. */

/** The columns: processes left and right of the stores; their numbers count from 1. */
function columnsOf(trace) {
  const left = Math.ceil(trace.processes.length / 2);
  const stores = trace.stores.length;
  return {
    left,
    process: (n) => (n < left ? n : n + stores) + 1,
    store: (n) => left + n + 1,
    count: trace.processes.length + stores,
    template: [
      ...Array(left).fill("minmax(6.9rem, 1fr)"),
      ...Array(stores).fill("minmax(11.5rem, 1.25fr)"),
      ...Array(trace.processes.length - left).fill("minmax(6.9rem, 1fr)"),
    ].join(" "),
  };
}

/** An element in a column. */
function at(column, made) {
  made.style.gridColumn = String(column);
  return made;
}

/** The whole picture; `select` is called with the number of a state. */
function lanes(trace, prefix) {
  const columns = columnsOf(trace);
  const box = el("div", { class: "lanes", role: "list", "aria-label": "Steps" });
  box.style.setProperty("--columns", columns.template);
  box.append(rails(trace, columns), header(trace, columns), first(trace, columns, prefix));
  for (const turn of trace.turns) {
    const process = trace.steps[turn.steps[0] - 1].process;
    const rows = turn.steps.map((index) => stepRow(trace, columns, index, prefix));
    box.append(el("div", { class: `turn ${laneOf(trace, process)}` }, rows));
  }
  box.append(last(trace, columns));
  return box;
}

function rails(trace, columns) {
  const lines = Array.from({ length: columns.count }, (_, i) => at(i + 1, el("i")));
  return el("div", { class: "rails", "aria-hidden": "true" }, lines);
}

function header(trace, columns) {
  const heads = trace.processes.map((process, n) =>
    at(columns.process(n), el("b", { class: `head ${laneOf(trace, n)}`, title: process.name },
      breakable(process.name))));
  const stores = trace.stores.map((store, n) =>
    at(columns.store(n), el("b", { class: "head store", title: store.name }, store.name)));
  return el("div", { class: "row heads", "aria-hidden": "true" }, heads, stores);
}

function first(trace, columns, prefix) {
  const cards = trace.stores.map((store, n) => {
    const shown = store.slots.filter((slot) => trace.used.includes(slot));
    const lines = shown.map((slot) => el("span", { class: "access" },
      el("span", { class: "name" }, trace.slots[slot]), " ",
      el("span", { class: "value" }, valueAt(trace, slot, 0))));
    return at(columns.store(n), el("span", { class: "cell" },
      el("span", { class: "initially" }, "initially"), lines));
  });
  return row(prefix, 0, "the initial state", cards);
}

function row(prefix, index, label, cells) {
  return el("a", { class: "row", role: "listitem", href: `#${prefix}step-${index}`,
    "data-index": index, "aria-label": label }, cells);
}

function stepRow(trace, columns, index, prefix) {
  const step = trace.steps[index - 1];
  const column = columns.process(step.process);
  const used = trace.stores.map((_, store) => accesses(trace, step, store));
  const cells = used.flatMap((lines, store) => lines.length === 0 ? [] : [
    wire(column, columns.store(store), lines),
    at(columns.store(store), el("span", { class: "cell" }, lines)),
  ]);
  const moved = step.moved.filter((n) => n !== step.process).map((n) =>
    at(columns.process(n), el("span", { class: `moved ${laneOf(trace, n)}` }, "moves too")));
  const box = stepBox(trace, step, index);
  if (used.flat().some((line) => line.dataset.sort !== "write")) {
    box.classList.add("takes", column < columns.store(0) ? "right" : "left");
  }
  const made = row(prefix, index, `step ${index}, ${trace.processes[step.process].name}: ${step.label}`,
    [at(column, box), cells, moved]);
  made.classList.add(laneOf(trace, step.process));
  if (trace.fault && index === trace.steps.length) made.classList.add("fault");
  return made;
}

function stepBox(trace, step, index) {
  return el("span", { class: "box" },
    el("span", { class: "number" }, String(index)),
    el("span", { class: "who" }, trace.processes[step.process].name),
    el("code", { class: "label" }, breakable(step.label)),
    step.file < 0 ? "" : el("span", { class: "place" }, whereIn(trace, step)),
    step.note ? el("span", { class: "note" }, step.note) : "",
    step.kept.map((text) => el("code", { class: "kept" }, text)));
}

/** The place of a step, as short as it can be told: the file and the function only if they help. */
function whereIn(trace, step) {
  const place = DATA.files.length === 1 ? `line ${step.line}` : step.place;
  const told = trace.processes[step.process].name.startsWith(step.function);
  return told || !step.function ? place : `${place} ${step.function}`;
}

/** What a step reads and writes in one store, a line each. */
function accesses(trace, step, store) {
  const here = (access) => storeOf(trace, access.slot) === store;
  const reads = step.reads.filter(here).map((read) =>
    access(step, read, "read", [el("span", { class: "value" }, read.value)]));
  const writes = step.writes.filter(here).flatMap((write) => write.parts.map((part, i) =>
    access(step, { name: part.name, slot: write.slot, key: i ? null : write.name },
      write.reads ? "both" : "write", changeText(part))));
  return [...reads, ...writes];
}

function access(step, what, sort, value) {
  const key = what.key === undefined ? what.name : what.key;
  const source = sort === "write" || key === null ? undefined : step.from[key];
  const line = el("span", { class: `access ${sort}`, "data-slot": what.slot, "data-sort": sort,
    "data-from": source ?? null },
    el("span", { class: "name" }, breakable(what.name)), " ", value);
  if (source) line.append(el("span", { class: "source", title: `written by step ${source}` },
    String(source)));
  return line;
}

/** The line between a step's box and what it touches. */
function wire(from, to, lines) {
  const sorts = new Set(lines.map((line) => line.dataset.sort));
  const sort = sorts.has("both") || sorts.size > 1 ? "both" : [...sorts][0];
  const made = el("span", { class: `wire ${sort} ${from < to ? "right" : "left"}`,
    "aria-hidden": "true" });
  made.style.gridColumn = from < to ? `${from} / ${to}` : `${to + 1} / ${from + 1}`;
  return made;
}

function last(trace, columns) {
  const places = placesAt(trace, trace.states.length - 1);
  const standing = places.map((place, n) =>
    at(columns.process(n), el("span", { class: `standing ${laneOf(trace, n)}` },
      el("span", { class: "who" }, breakable(trace.processes[n].name)),
      el("b", {}, place.status),
      place.label ? el("code", { class: "label" }, place.label) : "",
      place.place ? el("span", { class: "place" }, place.place) : "",
      place.sees.map((text) => el("code", { class: "kept" }, text)))));
  return el("div", { class: "end" },
    el("p", { class: trace.bad ? "banner bad" : "banner good" }, el("b", {}, trace.headline),
      trace.details.map((line) => el("span", {}, line))),
    el("div", { class: "row" }, standing));
}
