/* Another model's walk on the same schedule, beside the first trace. */

/** What stands beside the trace that is shown; null where nothing does. */
function besides() {
  return shown.trace === 0 ? DATA.about.beside ?? null : null;
}

/** Puts the other model's lanes beside those that are shown, or takes them away. */
function openBeside() {
  const told = besides();
  parts.other.hidden = !told;
  parts.main.classList.toggle("beside", told !== null);
  parts.pair.classList.toggle("two", told !== null);
  parts.otherLanes = told ? lanes(DATA.traces[1], prefixOf(1)) : null;
  parts.otherRows = told ? [...parts.otherLanes.querySelectorAll(".row[data-index]")] : [];
  parts.other.replaceChildren(...(told ? [parts.otherLanes] : []));
}

/** Marks the other model's step that stands beside the one shown; says why there is none. */
function showBeside(index) {
  const told = besides();
  const why = told && index > 0 ? told.parted[index - 1] : "";
  parts.parted.hidden = !why;
  parts.parted.replaceChildren(...(why ? [el("b", {}, `${DATA.traces[1].name}: `), ...quoted(why)] : []));
  if (!told) return;
  const here = told.at[index];
  parts.otherRows.forEach((row, i) => {
    row.classList.toggle("now", i === here);
    row.classList.toggle("later", i > here);
  });
  parts.rows.forEach((row, i) => row.classList.toggle("alone", i > 0 && told.parted[i - 1] !== ""));
  drawArcs(parts.otherLanes, here);
  reveal(parts.other, parts.otherRows[here]);
  revealAcross(parts.other, parts.otherRows[here].querySelector(".box"));
}

/** The state of the first trace beside which a state of the other one stands first. */
function besideIndex(other) {
  const found = besides().at.findIndex((at) => at >= other);
  return found < 0 ? trace().states.length - 1 : found;
}
