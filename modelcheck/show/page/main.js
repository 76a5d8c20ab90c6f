/* The page: one trace, one state of it; everything that moves between them. */

/** With more variables than this, those that the trace never touches are left out at first. */
const MANY_VARIABLES = 16;

const shown = { trace: 0, index: 0, process: null, view: "lanes" };
const parts = {};

const prefixOf = (number) => number ? `trace-${number + 1}-` : "";
const trace = () => DATA.traces[shown.trace];

function title() {
  const about = DATA.about;
  const css = about.verdict === "violated" ? "bad" : about.verdict === "holds" ? "good" : "dim";
  return el("header", {},
    el("div", {}, el("h1", {}, breakable(DATA.title)), el("span", { class: `verdict ${css}` }, about.verdict),
      parts.counts = el("p", { class: "counts" }, about.counts)),
    el("div", { class: "tools" }, copyButton(),
      el("button", { type: "button", id: "theme", title: "light or dark (t)", onclick: theme }, "\u25d0"),
      el("button", { type: "button", id: "help", title: "keys (?)", onclick: help }, "?")),
    about.notes.map((note) => el("p", { class: "note" }, note)));
}

function copyButton() {
  const button = el("button", { type: "button", id: "token", title: "copy the replay token" },
    "copy token");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(trace().token);
      button.textContent = "copied";
    } catch {
      window.prompt("Replay token", trace().token);
    }
  });
  return button;
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

const KEYS = [["\u2190 \u2192  or  k j", "step back, step on"], ["PgUp PgDn", "turn back, turn on"],
  ["Home End", "first state, last state"], ["1 2 3", "all variables, used ones, changed ones"],
  ["/", "filter the variables"], ["g", "lanes or state graph"], ["t", "light or dark"], ["?", "this list"]];

function help() {
  parts.help.open ? parts.help.close() : parts.help.showModal();
}

function helpDialog() {
  return el("dialog", { "aria-label": "Keys" }, el("h2", {}, "Keys"),
    el("dl", {}, KEYS.map(([keys, does]) => [el("dt", {}, keys), el("dd", {}, does)])),
    el("form", { method: "dialog" }, el("button", {}, "close")));
}

function bar() {
  const button = (id, sign, label, move) => el("button", { type: "button", id, "aria-label": label,
    title: label, onclick: move }, sign);
  parts.slider = el("input", { type: "range", min: 0, value: 0, "aria-label": "step",
    oninput: () => go(Number(parts.slider.value)) });
  parts.count = el("output", { id: "count" });
  parts.doing = el("p", { id: "doing", "aria-live": "polite" });
  return el("nav", { class: "bar", "aria-label": "Walk through the trace" },
    el("span", { class: "buttons" },
      button("first", "\u21e4", "first state", () => go(0)),
      button("turn-back", "\u00ab", "turn back", () => turn(-1)),
      button("back", "\u2039", "step back", () => go(shown.index - 1)),
      button("on", "\u203a", "step on", () => go(shown.index + 1)),
      button("turn-on", "\u00bb", "turn on", () => turn(1)),
      button("last", "\u21e5", "last state", () => go(trace().states.length - 1))),
    parts.slider, parts.count, parts.doing);
}

function controls() {
  parts.filter = el("input", { type: "search", id: "filter", placeholder: "filter variables  /",
    "aria-label": "filter variables", oninput: () => { view.filter = parts.filter.value; variables(); } });
  parts.only = [["all", "all"], ["used", "used here"], ["changed", "changed"]].map(([value, label]) =>
    el("button", { type: "button", "data-only": value, onclick: () => only(value) }, label));
  return el("div", { class: "controls" }, parts.filter,
    el("span", { class: "segments", role: "group", "aria-label": "which variables" }, parts.only));
}

function only(value) {
  view.only = value;
  variables();
}

/** Lanes or state graph, where there is one to be shown. */
function viewTabs() {
  if (!DATA.graph && !DATA.live) return "";
  parts.views = [["lanes", "lanes"], ["graph", "state graph"]].map(([value, label]) =>
    el("button", { type: "button", role: "tab", id: `view-${value}`,
      "aria-selected": String(shown.view === value), onclick: () => look(value) }, label));
  return el("div", { class: "tabs views", role: "tablist", "aria-label": "View" }, parts.views);
}

/** Shows the lanes or the state graph; a page that is served asks for the graph only now. */
function look(value) {
  if (!parts.views) return;
  shown.view = value;
  parts.views.forEach((tab) => tab.setAttribute("aria-selected", String(tab.id === `view-${value}`)));
  parts.pair.hidden = value !== "lanes";
  parts.states.hidden = value === "lanes";
  if (value === "graph" && !DATA.graph) ask("view", { moves: DATA.live.moves }, shown.index);
  else show();
}

/** Draws the graph when it is first looked at, and marks where one is. */
function graphView() {
  if (shown.view !== "graph" || !DATA.graph) return;
  if (parts.drawn !== DATA.graph || !parts.states.firstChild) {
    parts.drawn = DATA.graph;
    parts.states.replaceChildren(...graphPanel(DATA.graph, trace(), chooseState));
    const picture = parts.states.querySelector("svg");
    if (picture) settle(picture, DATA.graph);
  }
  const box = parts.states.querySelector(".scroll");
  if (box) markStates(box, DATA.graph.paths[shown.trace] ?? [], shown.index);
}

/** A click on a state: the walk's own is shown; to another one a page that is served walks. */
function chooseState(number) {
  const index = (DATA.graph.paths[shown.trace] ?? []).indexOf(number);
  if (index >= 0) go(index);
  else if (DATA.live) {
    const moves = movesTo(DATA.graph, number);
    if (moves) ask("view", { moves });
  }
}

function panel(name, heading, ...content) {
  return el("section", { class: "panel", id: name, "aria-label": heading }, el("h2", {}, heading), content);
}

function build() {
  const root = document.getElementById("app");
  parts.help = helpDialog();
  root.append(title(), parts.help);
  if (!DATA.traces.length) {
    root.append(el("p", { class: "nothing" }, DATA.about.said));
    return;
  }
  parts.picture = el("div", { class: "scroll" });
  parts.other = el("div", { class: "scroll", id: "other", hidden: true });
  parts.pair = el("div", { class: "pair" }, parts.picture, parts.other);
  parts.parted = el("p", { id: "parted", role: "status", hidden: true });
  parts.states = el("div", { class: "states-box", hidden: true });
  for (const name of ["properties", "processes", "variables", "source", "story", "next"]) {
    parts[name] = el("div", { class: `${name}-box` });
  }
  parts.traces = DATA.traces.map((told, n) =>
    el("button", { type: "button", role: "tab", onclick: () => open(n, 0) }, told.name));
  parts.main = el("main", {},
    panel("lanes", "Lanes", viewTabs(), parts.parted, parts.pair, parts.states),
    DATA.live ? panel("next", "Next", parts.next) : "",
    panel("state", "State", parts.properties, controls(), parts.variables, parts.processes),
    panel("code", "Source", parts.source),
    panel("words", "Story", parts.story));
  root.append(
    DATA.traces.length > 1
      ? el("div", { class: "traces tabs", role: "tablist", "aria-label": "Traces" }, parts.traces) : "",
    bar(), parts.main);
  window.addEventListener("hashchange", followFragment);
  document.addEventListener("keydown", key);
  document.addEventListener("click", clicked);
  new ResizeObserver(() => {
    drawArcs(parts.lanes, shown.index);
    showBeside(shown.index);
  }).observe(parts.picture);
  if (!followFragment()) open(0, trace().bad || DATA.live ? trace().states.length - 1 : 0);
}

/** Shows a trace from its beginning on, or the one that is shown already at another state. */
function open(number, index) {
  shown.trace = number;
  parts.counts.textContent = DATA.about.counts;
  shown.process = null;
  view.only = trace().slots.length > MANY_VARIABLES ? "used" : "all";
  parts.lanes = lanes(trace(), prefixOf(number));
  parts.rows = [...parts.lanes.querySelectorAll(".row[data-index]")];
  parts.picture.replaceChildren(parts.lanes);
  parts.main.classList.toggle("live", DATA.live !== null);
  parts.main.classList.toggle("many", trace().processes.length > 4);
  openBeside();
  parts.told = story(trace(), prefixOf(number));
  parts.story.replaceChildren(parts.told);
  parts.slider.max = trace().states.length - 1;
  parts.traces.forEach((tab, n) => tab.setAttribute("aria-selected", String(n === number)));
  document.getElementById("token").hidden = !trace().token;
  go(index);
}

/** Shows a state; the nearest one where there is none of this number. */
function go(index) {
  const moved = Math.max(0, Math.min(index, trace().states.length - 1));
  if (moved !== shown.index) shown.process = null;
  shown.index = moved;
  show();
  const fragment = `#${prefixOf(shown.trace)}step-${moved}`;
  if (location.hash !== fragment) {
    try { history.replaceState(null, "", fragment); } catch { location.hash = fragment; }
  }
}

/** The first state of the next turn, or the last one of the turn before. */
function turn(direction) {
  const firsts = trace().turns.map((told) => told.steps[0]);
  const found = direction > 0 ? firsts.find((first) => first > shown.index)
    : firsts.reverse().find((first) => first < shown.index) ?? 0;
  go(found ?? trace().states.length - 1);
}

function show() {
  const { index } = shown;
  const step = index > 0 ? trace().steps[index - 1] : null;
  parts.slider.value = index;
  parts.slider.setAttribute("aria-valuetext", step ? `step ${index}, ${step.label}` : "initial state");
  parts.count.textContent = `${index} / ${trace().states.length - 1}`;
  parts.doing.className = step ? laneOf(trace(), step.process) : "";
  parts.doing.replaceChildren(...(step
    ? [el("b", {}, trace().processes[step.process].name), " ", el("code", {}, step.label), " ",
       el("span", { class: "place" }, step.place)]
    : ["the initial state"]));
  parts.rows.forEach((row, i) => {
    row.classList.toggle("now", i === index);
    row.classList.toggle("later", i > index);
    row.ariaCurrent = i === index ? "step" : null;
  });
  for (const item of parts.told.querySelectorAll("[data-index]")) {
    item.classList.toggle("now", Number(item.dataset.index) === index);
  }
  drawArcs(parts.lanes, index);
  graphView();
  showBeside(index);
  reveal(parts.picture, parts.rows[index]);
  revealAcross(parts.picture, parts.rows[index].querySelector(".box"));
  const sentence = parts.told.querySelector("li.now");
  if (sentence) reveal(parts.story, sentence); else parts.story.scrollTop = 0;
  properties();
  variables();
  processes();
  if (DATA.live) parts.next.replaceChildren(...nextPanel());
  const changed = parts.variables.querySelector("tr.changed");
  const panel = document.getElementById("state");
  panel.scrollTop = 0;
  if (changed) reveal(panel, changed);
}

function properties() {
  const made = propertiesPanel(trace(), shown.index, go, properties);
  parts.properties.replaceChildren(...made.filter((part) => part !== ""));
}

function variables(focused) {
  parts.variables.replaceChildren(...variablesTable(trace(), shown.index, variables)
    .filter((made) => made !== ""));
  for (const button of parts.only) {
    button.setAttribute("aria-pressed", String(button.dataset.only === view.only));
  }
  if (focused) parts.variables.querySelector(`[aria-label="pin ${CSS.escape(focused)}"]`)?.focus();
}

/** The processes and the source of the chosen one: of the step's own where none is chosen. */
function processes(choice = shown.process) {
  shown.process = choice;
  const step = trace().steps[Math.max(0, shown.index - 1)];
  const selected = choice ?? step?.process ?? 0;
  parts.processes.replaceChildren(...[processesPanel(trace(), shown.index, selected, processes)].flat());
  if (!trace().processes.length) return;
  parts.source.replaceChildren(...sourcePanel(trace(), shown.index, selected, processes).flat());
  const box = parts.source.querySelector(".listing");
  const line = box?.querySelector(".here");
  if (line) box.scrollTop += line.getBoundingClientRect().top - box.getBoundingClientRect().top
    - box.clientHeight / 2.5;
}

/** Shows what the URL's fragment names, and tells whether it names anything. */
function followFragment() {
  const match = /^#(?:trace-(\d+)-)?step-(\d+)$/.exec(location.hash);
  const number = match ? Number(match[1] ?? 1) - 1 : -1;
  if (!DATA.traces[number]) return false;
  const index = Number(match[2]);
  if (number !== shown.trace || !parts.lanes) open(number, index);
  else if (index !== shown.index) go(index);
  return true;
}

/** A click on a step's row shows it, without leaving a trail in the browser's history. */
function clicked(event) {
  const link = event.target.closest?.("a[href^='#']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const match = /step-(\d+)$/.exec(link.getAttribute("href"));
  if (!match) return;
  event.preventDefault();
  const index = Number(match[1]);
  go(parts.other.contains(link) ? besideIndex(index) : index);
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || parts.help.open) return;
  if (event.target.matches?.("input[type=search]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const moves = {
    ArrowRight: () => go(shown.index + 1), ArrowLeft: () => go(shown.index - 1),
    j: () => go(shown.index + 1), k: () => go(shown.index - 1),
    PageDown: () => turn(1), PageUp: () => turn(-1),
    Home: () => go(0), End: () => go(trace().states.length - 1),
    1: () => only("all"), 2: () => only("used"), 3: () => only("changed"),
    "/": () => parts.filter.focus(), g: () => look(shown.view === "lanes" ? "graph" : "lanes"),
    t: theme, "?": help,
  };
  if (!moves[event.key]) return;
  event.preventDefault();
  moves[event.key]();
}

build();
