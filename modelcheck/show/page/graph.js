/* The state graph: boxes and lines where Graphviz put them when the page was made. */

const LINE_HEIGHT = 12;

/** How large it is drawn; 0 is: as wide as there is room, but not too small to be read. */
const zoomed = { scale: 0 };

/** The panel's content: a line of words and buttons, and the picture. */
function graphPanel(graph, trace, choose) {
  const note = el("p", { class: "hidden", id: "graph-note" }, graph.note);
  if (!graph.nodes.length) return [note];
  const picture = graphPicture(graph, trace, choose);
  const button = (id, sign, label, factor) => el("button", { type: "button", id, "aria-label": label,
    title: label, onclick: () => { zoom(picture, graph, factor); } }, sign);
  const tools = el("div", { class: "tools" }, button("smaller", "\u2212", "smaller", 0.8),
    button("larger", "+", "larger", 1.25), button("fit", "fit", "as wide as there is room", 0));
  return [el("div", { class: "graph-head" }, note, tools), el("div", { class: "scroll" }, picture)];
}

function zoom(picture, graph, factor) {
  const room = picture.parentElement.clientWidth - 4;
  const fit = Math.min(1.3, Math.max(0.85, room / (graph.width + 16)));
  zoomed.scale = factor ? Math.min(3, Math.max(0.2, (zoomed.scale || fit) * factor)) : 0;
  picture.setAttribute("width", (graph.width + 16) * (zoomed.scale || fit));
}

function graphPicture(graph, trace, choose) {
  const picture = svg("svg", { class: "states", role: "img", "aria-label": "state graph",
    viewBox: `-8 -8 ${graph.width + 16} ${graph.height + 16}` });
  picture.append(...graph.edges.map((edge) => edgeOf(edge, trace)),
    ...graph.nodes.map((node, n) => nodeOf(node, n, choose)));
  return picture;
}

function edgeOf(edge, trace) {
  const made = svg("g", { class: `edge ${laneNamed(trace, edge.process)} ${edge.on ? "on" : ""}` });
  const text = svg("text", { x: edge.x, y: edge.y + 3 });
  text.textContent = edge.text;
  made.append(svg("path", { d: edge.path }), svg("polygon", { points: edge.tip }), text);
  return made;
}

function nodeOf(node, number, choose) {
  const made = svg("g", { class: `node ${node.kind}`, "data-node": number });
  made.append(svg("rect", { x: node.x - node.w / 2, y: node.y - node.h / 2, width: node.w,
    height: node.h, rx: 7 }));
  const top = node.y - (node.lines.length - 1) * LINE_HEIGHT / 2 + 3.5;
  node.lines.forEach((line, i) => {
    const text = svg("text", { x: node.x - node.w / 2 + 9, y: top + i * LINE_HEIGHT });
    text.textContent = line;
    made.append(text);
  });
  made.addEventListener("click", () => choose(number));
  return made;
}

/** Once the picture is on the page: its size, and texts no wider than their boxes. */
function settle(picture, graph) {
  zoom(picture, graph, zoomed.scale ? 1 : 0);
  for (const group of picture.querySelectorAll(".node")) {
    const room = graph.nodes[Number(group.dataset.node)].w - 14;
    for (const text of group.querySelectorAll("text")) {
      if (text.getComputedTextLength() <= room) continue;
      text.setAttribute("textLength", room);
      text.setAttribute("lengthAdjust", "spacingAndGlyphs");
    }
  }
}

/** Marks the states of the walk so far and the one that is shown, and brings that into sight. */
function markStates(box, path, index) {
  const been = new Set(path.slice(0, index + 1));
  for (const group of box.querySelectorAll(".node")) {
    const number = Number(group.dataset.node);
    group.classList.toggle("been", been.has(number));
    group.classList.toggle("here", number === path[index]);
  }
  const here = box.querySelector(".node.here");
  if (here) {
    reveal(box, here);
    revealAcross(box, here);
  }
}

/** The moves that lead to a node, by the fewest edges that are drawn; null where there are none. */
function movesTo(graph, goal) {
  const start = graph.nodes.findIndex((node) => node.kind === "initial");
  const came = new Map([[start, null]]);
  const order = [start];
  for (const node of order) {
    for (const edge of graph.edges) {
      if (edge.from !== node || came.has(edge.to)) continue;
      came.set(edge.to, edge);
      order.push(edge.to);
    }
  }
  if (!came.has(goal)) return null;
  const moves = [];
  for (let edge = came.get(goal); edge; edge = came.get(edge.from)) moves.unshift(edge.move);
  return moves;
}
