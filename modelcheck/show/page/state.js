/* The state panel: properties, processes, variables, as they are in the state that is shown. */

/** How the panel is looked at; it stays the same from step to step. */
const view = { filter: "", only: "all", pinned: new Set(), allProperties: false };

/** More properties than this are folded to those that are false or change. */
const MANY_PROPERTIES = 5;

/** Every property in this state, with its answers in all states; a mark leads to its state. */
function propertiesPanel(trace, index, select, again) {
  const many = trace.properties.length > MANY_PROPERTIES;
  const told = many && !view.allProperties ? trace.properties.filter((property) =>
    property.answers[index] === false && property.kind !== "sometimes"
    || property.answers[index] !== property.answers[Math.max(0, index - 1)]) : trace.properties;
  const rows = told.map((property) => {
    const now = property.answers[index];
    const [sign, css, said] = answer(property, now);
    return el("li", { class: css },
      el("span", { class: "sign", "aria-hidden": "true" }, sign),
      el("span", { class: "name", title: property.summary }, breakable(property.name)),
      el("span", { class: "kind" }, `${property.kind}: ${said}`),
      strip(property, index, select));
  });
  return [el("ul", { class: "properties" }, rows), many ? foldButton(trace, told, again) : ""];
}

function foldButton(trace, told, again) {
  const fold = () => { view.allProperties = !view.allProperties; again(); };
  const label = view.allProperties ? "only what is false or changes"
    : told.length ? `all ${trace.properties.length} properties`
      : `all ${trace.properties.length} properties are as before, none is false`;
  return el("button", { type: "button", id: "fold", onclick: fold }, label);
}

function answer(property, value) {
  if (value === null || value === undefined) {
    const why = property.kind === "at_end" ? "asked at the end" : "not asked here";
    return ["\u00b7", "unasked", why];
  }
  if (value) return ["\u2713", "true", "true"];
  return property.kind === "sometimes" ? ["\u25cb", "notyet", "not here"] : ["\u2717", "false", "false"];
}

function strip(property, index, select) {
  if (property.answers.length < 2) return "";
  return el("span", { class: "strip", "aria-hidden": "true" }, property.answers.map((value, i) =>
    el("i", { class: `${answer(property, value)[1]}${i === index ? " now" : ""}`,
      title: `state ${i}: ${answer(property, value)[2]}`, onclick: () => select(i) })));
}

/** Where each process is, and its local variables. */
function processesPanel(trace, index, selected, choose) {
  const before = index > 0 ? placesAt(trace, index - 1) : [];
  const rows = placesAt(trace, index).map((place, n) => el("li", { class: laneOf(trace, n) },
    el("button", { type: "button", class: "who", "aria-pressed": String(n === selected),
      onclick: () => choose(n) }, trace.processes[n].name),
    el("span", { class: "status" }, place.status),
    el("code", { class: "label" }, place.label),
    el("span", { class: "place" }, place.place),
    place.sees.length ? el("span", { class: "sees" }, `sees ${place.sees.join(", ")}`) : "",
    el("span", { class: "locals" }, localsOf(place, before[n]))));
  return rows.length ? el("ul", { class: "processes" }, rows) : "";
}

function localsOf(place, before) {
  return Object.entries(place.locals).map(([name, value]) => {
    const changed = before && before.locals[name] !== value;
    return el("code", { class: changed ? "local changed" : "local", title: `${name} = ${value}` },
      `${name} = ${value}`);
  });
}

/** The shared variables that the panel's settings let through, the pinned ones first. */
function variablesTable(trace, index, again) {
  const changes = changesAt(trace, index);
  const all = trace.slots.map((_, slot) => slot).filter((slot) => trace.states[index][slot] >= 0
    || changes.has(slot));
  const shown = all.filter((slot) => view.pinned.has(trace.slots[slot])
    || passes(trace, slot, changes));
  const pinned = shown.filter((slot) => view.pinned.has(trace.slots[slot]));
  const others = shown.filter((slot) => !view.pinned.has(trace.slots[slot]));
  const rows = [...pinned, ...others].map((slot) =>
    variable(trace, slot, index, changes.get(slot), again));
  const hidden = all.length - shown.length;
  return [
    el("table", { class: "variables" }, el("tbody", {}, rows)),
    hidden ? el("p", { class: "hidden" }, `${hidden} of ${all.length} not shown`) : "",
  ];
}

function passes(trace, slot, changes) {
  if (view.only === "changed" && !changes.has(slot)) return false;
  if (view.only === "used" && !trace.used.includes(slot)) return false;
  return trace.slots[slot].toLowerCase().includes(view.filter.toLowerCase());
}

function variable(trace, slot, index, change, again) {
  const name = trace.slots[slot];
  const isPinned = view.pinned.has(name);
  const pin = el("button", { type: "button", class: "pin", "aria-pressed": String(isPinned),
    "aria-label": `pin ${name}`, title: isPinned ? "unpin" : "pin: keep on top",
    onclick: () => {
      if (isPinned) view.pinned.delete(name); else view.pinned.add(name);
      again(name);
    } }, isPinned ? "\u25c6" : "\u25c7");
  return el("tr", { class: `${change ? "changed" : ""} ${isPinned ? "pinned" : ""}` },
    el("td", {}, pin), el("th", { scope: "row" }, breakable(name)),
    el("td", { class: "value" }, change ? changedValue(trace, slot, index, change)
      : folded(valueAt(trace, slot, index))));
}

function changedValue(trace, slot, index, change) {
  const [[path, old, now]] = change.parts;
  const whole = change.parts.length === 1 && path === "" && old && now;
  const parts = change.parts.map(([path, old, now]) => {
    const sort = old && now ? "changed" : now ? "added" : old ? "removed" : "";
    return el("span", { class: `part ${sort}` }, path ? el("span", { class: "path" }, path, " ") : "",
      changeText({ sort, old, new: now }));
  });
  return whole ? parts : [folded(valueAt(trace, slot, index)), parts];
}

/** A value; a long one is folded until it is clicked. */
function folded(text) {
  if (text.length <= 120) return el("code", {}, text);
  return el("details", {}, el("summary", {}, el("code", {}, `${text.slice(0, 100)}\u2026`)),
    el("code", {}, text));
}
