/* The narrative: turn by turn, in sentences; the sentence of the step that is shown stands out. */

function story(trace, prefix) {
  const turns = trace.turns.map((turn) => {
    const steps = turn.steps.map((index) => el("li", { value: index, "data-index": index },
      el("a", { href: `#${prefix}step-${index}` }, quoted(trace.steps[index - 1].told))));
    const process = trace.steps[turn.steps[0] - 1].process;
    return el("section", { class: laneOf(trace, process) }, el("h3", {}, turn.heading),
      el("ol", {}, steps), turn.leaving ? el("p", { class: "leaving" }, quoted(turn.leaving)) : "");
  });
  const opening = trace.opening[1] === trace.headline ? "" : el("p", {}, trace.opening[1]);
  return el("div", { class: "story" }, opening, turns,
    el("section", { class: trace.bad ? "ending bad" : "ending" }, el("h3", {}, trace.headline),
      trace.details.map((line) => el("p", {}, line)),
      el("ul", {}, trace.ending.map((line) => el("li", {}, quoted(line))))));
}

/** A sentence whose parts in backquotes are code. */
function quoted(sentence) {
  return sentence.split("`").map((part, i) => i % 2 ? el("code", {}, part) : part);
}
