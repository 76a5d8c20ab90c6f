/* The explorer: a page that is served, and can ask its server for another walk. */

const asking = { predicate: "", said: "", bad: false, busy: false, reduction: false };

/** What can be done from the state that is shown. */
function nextPanel() {
  const asked = askingForm();
  const said = asking.said
    ? el("p", { class: asking.bad ? "answer bad" : "answer", id: "answer", role: "status" }, asking.said)
    : "";
  if (shown.index < trace().states.length - 1) {
    const on = el("button", { type: "button", id: "from-here",
      onclick: () => ask("view", { moves: movesHere() }) }, "walk on from this state");
    return [el("p", {}, on), said].filter((made) => made !== "");
  }
  const pruned = DATA.live.pruned ? el("p", { class: "hidden", id: "pruned" }, DATA.live.pruned) : "";
  return [said, choiceList(), pruned, asked, waitingList()].filter((made) => made !== "");
}

function movesHere() {
  return DATA.live.moves.slice(0, shown.index);
}

function choiceList() {
  const { choices } = DATA.live;
  if (!choices.length) return el("p", { class: "answer" }, "Nobody can take a step here.");
  return el("div", { class: "choices" }, choices.map((choice) => el("button", { type: "button",
    class: `${laneNamed(trace(), choice.process)}${choice.pruned ? " pruned" : ""}`, onclick: () => ask("view", { moves: [...DATA.live.moves, choice.move] }) },
    el("b", {}, choice.process), " ", el("code", {}, choice.label), " ",
    el("span", { class: "place" }, choice.place), " ",
    choice.writes.map((text) => el("code", { class: "kept" }, `${text}  `)),
    choice.pruned ? el("span", { class: "place" }, "left out by reduction") : "",
    choice.fails ? el("span", { class: "fails" }, `fails: ${choice.fails}`) : "")));
}

/** The processes that cannot step: the guard that they wait at, and the values that make it false. */
function waitingList() {
  const { waiting } = DATA.live;
  return waiting.length ? el("ul", { class: "waiting" }, waiting.map((told) => el("li", {
    class: laneNamed(trace(), told.process) }, el("b", {}, told.process), " cannot: ", el("code", {}, told.label),
    " ", el("span", { class: "place" }, told.place),
    told.sees.length ? [" because ", el("code", {}, told.sees.join(", "))] : ""))) : "";
}

function askingForm() {
  const input = el("input", { type: "search", id: "predicate", value: asking.predicate,
    placeholder: "a predicate, as s.turn == 1", "aria-label": "predicate",
    oninput: () => { asking.predicate = input.value; } });
  const find = (event) => {
    event.preventDefault();
    ask("satisfying", { moves: DATA.live.moves, predicate: asking.predicate });
  };
  return el("form", { class: "asking", onsubmit: find }, input,
    el("button", { type: "submit", id: "find" }, "nearest such state"),
    el("button", { type: "button", id: "violation",
      onclick: () => ask("violation", { moves: DATA.live.moves }) }, "nearest violation"),
    el("button", { type: "button", id: "reduction", "aria-pressed": String(asking.reduction),
      title: "mark the steps that partial-order reduction leaves out", onclick: reduction },
      "reduction"),
    el("button", { type: "button", id: "share", onclick: share }, "link to here"));
}

/** Shows, or no longer, which steps reduction leaves out; the model is explored for it. */
function reduction() {
  asking.reduction = !asking.reduction;
  ask("view", { moves: DATA.live.moves });
}

function share() {
  const link = `${location.origin}${location.pathname}?walk=${encodeURIComponent(trace().token)}`;
  asking.said = link;
  asking.bad = false;
  navigator.clipboard?.writeText(link).catch(() => {});
  show();
}

/** Asks the server, and shows the walk that it answers with (at its end), or what went wrong. */
async function ask(question, asked, index) {
  const about = { ...asked, graph: shown.view === "graph",
    reduction: asking.reduction };
  if (asking.busy) return;
  Object.assign(asking, { busy: true, said: "searching\u2026", bad: false });
  show();
  try {
    const response = await fetch(question, { method: "POST", body: JSON.stringify(about),
      headers: { "Content-Type": "application/json" } });
    const answer = await response.json();
    if (answer.error) Object.assign(asking, { said: answer.error, bad: true });
    else {
      asking.said = answer.said;
      if (answer.data) Object.assign(DATA, answer.data);
    }
  } catch {
    asking.said = "The server does not answer. Start it again: modelcheck explore";
    asking.bad = true;
  }
  asking.busy = false;
  open(0, asking.bad ? shown.index : index ?? trace().states.length - 1);
}
