/* The lanes: a column a process, memory and buffers in the middle, a row a step, time downward. */

/** The columns: memory in the middle, store buffers between it and those who store. */
function columnsOf(trace) {
  const at = { process: new Map(), store: new Map() };
  trace.columns.forEach(([sort, n], i) => at[sort].set(n, i + 1));
  const memory = at.store.get(0) - 1;
  return {
    process: (n) => at.process.get(n) ?? at.store.get(trace.processes[n].store),
    store: (n) => at.store.get(n),
    count: trace.columns.length,
    template: trace.columns.map((_, i) => i === memory ? "minmax(11.5rem, 1.25fr)"
      : trace.columns[i][0] === "store" ? "minmax(10rem, 1.1fr)" : "minmax(6.9rem, 1fr)").join(" "),
  };
}

/** The numbers of the processes that are no store buffers. */
function proper(trace) {
  return trace.processes.map((_, n) => n).filter((n) => !trace.processes[n].store);
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
  const heads = proper(trace).map((n) =>
    at(columns.process(n), el("b", { class: `head ${laneOf(trace, n)}`,
      title: trace.processes[n].name }, breakable(trace.processes[n].name))));
  const stores = trace.stores.map((store, n) =>
    at(columns.store(n), el("b", { class: "head store", title: store.name }, store.name)));
  return el("div", { class: "row heads", "aria-hidden": "true" }, heads, stores);
}

function first(trace, columns, prefix) {
  const lines = trace.used.map((slot) => el("span", { class: "access" },
    el("span", { class: "name" }, trace.slots[slot]), " ",
    el("span", { class: "value" }, valueAt(trace, slot, 0))));
  return row(prefix, 0, "the initial state", at(columns.store(0), el("span", { class: "cell" },
    el("span", { class: "initially" }, "initially"), lines)));
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
    lines.every((line) => line.dataset.sort === "idle") ? ""
      : wire(column, columns.store(store), lines),
    at(columns.store(store), el("span", { class: "cell" }, lines)),
  ]);
  const moved = step.moved.filter((n) => n !== step.process).map((n) =>
    at(columns.process(n), el("span", { class: `moved ${laneOf(trace, n)}` }, "moves too")));
  const box = stepBox(trace, step, index);
  if (used.flat().some((line) => ["read", "both"].includes(line.dataset.sort))) {
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
    [...step.remarks, ...step.kept].map((text) => el("code", { class: "kept" }, text)));
}

/** Where something stands: with the file only if there are several. */
function lineOf(told) {
  return DATA.files.length === 1 ? `line ${told.line}` : told.place;
}

/** The place of a step, as short as it can be told: the file and the function only if they help. */
function whereIn(trace, step) {
  if (!step.line) return "";
  const place = lineOf(step);
  const told = trace.processes[step.process].name.startsWith(step.function);
  return told || !step.function ? place : `${place} ${step.function}`;
}

/** What a step reads and writes in memory (store 0) or in a store buffer, a line each. */
function accesses(trace, step, store) {
  const reads = step.reads.filter((read) => (step.own[read.name] ?? 0) === store).map((read) =>
    access(step, read, "read", [el("span", { class: "value" }, read.value),
      store === 0 && step.elsewhere[read.name]
        ? el("i", { class: "about" }, ` ${step.elsewhere[read.name]}`) : ""]));
  const held = step.held.filter((one) => one.store === store).map((one) => inBuffer(one));
  const writes = store ? [] : step.writes.flatMap((write) => write.parts.map((part, i) =>
    access(step, { name: part.name, slot: write.slot, key: i ? null : write.name },
      write.reads ? "both" : "write", changeText(part))));
  return [...reads, ...held, ...writes];
}

/** A store that is put into a buffer, or one that waits there and that the step does not see. */
function inBuffer(one) {
  const idle = one.sort === "idle";
  return el("span", { class: `access ${one.sort}`, "data-slot": one.slot, "data-sort": one.sort,
    "data-from": idle ? one.from : null },
    el("span", { class: "name" }, one.name), " := ", el("span", { class: "value" }, one.value),
    idle ? el("i", { class: "about" }, " still waits") : "");
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
  const waiting = trace.stores.map((store, n) => n === 0 ? ""
    : at(columns.store(n), el("span", { class: "standing" }, el("span", { class: "who" }, store.name),
      el("b", {}, store.left.length ? "still waits" : "empty"),
      store.left.map((text) => el("code", { class: "kept" }, text)))));
  const standing = proper(trace).map((n) => [n, places[n]]).map(([n, place]) =>
    at(columns.process(n), el("span", { class: `standing ${laneOf(trace, n)}` },
      el("span", { class: "who" }, breakable(trace.processes[n].name)),
      el("b", {}, place.status),
      place.label ? el("code", { class: "label" }, place.label) : "",
      place.place ? el("span", { class: "place" }, lineOf(place)) : "",
      place.sees.map((text) => el("code", { class: "kept" }, text)))));
  return el("div", { class: "end" },
    el("p", { class: trace.bad ? "banner bad" : "banner good" }, el("b", {}, trace.headline),
      trace.details.map((line) => el("span", {}, line))),
    el("div", { class: "row" }, standing, waiting));
}
