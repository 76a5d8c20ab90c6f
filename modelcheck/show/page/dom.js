/* Elements without markup: a text can only ever become text. */

/** An element with attributes and children; a child that is no element becomes text. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== ""));
  return made;
}

/** A text of code that may be broken behind its punctuation, sooner than within a word. */
function breakable(text) {
  return text.split(/(?<=[(,._=])|(?=\[)/).flatMap((part, i) => i ? [el("wbr"), part] : [part]);
}

/** An SVG element. */
function svg(tag, attributes = {}) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Puts `child` where it can be seen inside `box`, moving nothing but `box`. */
function reveal(box, child) {
  const outer = box.getBoundingClientRect();
  const inner = child.getBoundingClientRect();
  const room = Math.min(120, outer.height / 4);
  if (inner.top < outer.top + room) box.scrollTop += inner.top - outer.top - room;
  else if (inner.bottom > outer.bottom - room) box.scrollTop += inner.bottom - outer.bottom + room;
}

/** Puts `child`, if there is one, where it can be seen inside `box`, left to right. */
function revealAcross(box, child) {
  if (!child) return;
  const outer = box.getBoundingClientRect();
  const inner = child.getBoundingClientRect();
  if (inner.left < outer.left) box.scrollLeft += inner.left - outer.left - 12;
  else if (inner.right > outer.right) box.scrollLeft += inner.right - outer.right + 12;
}
