// The network as a signal-flow graph. `build` draws it, `updateNetwork` writes the numbers of the
// stage into it, and the arrow keys walk along it.

const CARD = { width: 186, height: 42 }; // half as high where nothing comes back
const INPUT = { width: 128, height: 28 };
const ERROR = { width: 112, height: 42 };
const GAP = L > 2 ? 112 : 132;
const TOP = 62;
const MOST = 12; // neurons of a layer that are all drawn; of a larger layer, a window of WINDOW
const WINDOW = 8;
const LABEL_HEIGHT = 24;
const DIGITS = 3; // of the numbers in the network
const LONG = 8; // letters: shorter numbers fit into a card in any font
const SYMBOL = 16; // room for the symbol of a number

const network = byId("network");
let nodes = new Map(); // key -> {m, j, group, cells}
let edges = new Map(); // key -> {m, i, j, group, seen, label}
let errors = [];
let extras = {};

const keyOf = ({ m, i, j }) => (i === undefined ? `n:${m}:${j}` : `w:${m}:${i}:${j}`);
const isWhole = (m) => SIZES[m] <= MOST;
/** Neurons of a layer that are drawn. */
const drawn = (m) => (isWhole(m) ? range(SIZES[m]) : range(WINDOW, state.first[m]));
/** Sources of the weights of layer m that are drawn: neurons of layer m - 1, and the bias. */
const sources = (m) => [...drawn(m - 1), SIZES[m - 1]];

/** Bring a neuron into the window of its layer. */
function reveal(m, j) {
  if (isWhole(m) || j === SIZES[m] || drawn(m).includes(j)) return;
  state.first[m] = clamp(j - WINDOW / 2, 0, SIZES[m] - WINDOW);
  build();
}

/** Where everything stands. */
function layout() {
  const above = (m) => (isWhole(m) ? 0 : 1); // "n more" above, and below
  const slots = range(L + 1).map((m) => drawn(m).length + 2 * above(m) + (m < L ? 1 : 0));
  const height = Math.max(320, ...slots.map((n) => n * 60));
  const places = new Map();
  const x = [];
  const pitches = [];
  let left = 12;
  for (let m = 0; m <= L; m++) {
    const { width } = m === 0 ? INPUT : CARD;
    const pitch = clamp(height / slots[m], 60, 112);
    const start = TOP + (height - pitch * slots[m]) / 2 + pitch / 2;
    const middle = (slot) => start + pitch * slot;
    drawn(m).forEach((j, n) => places.set(keyOf({ m, j }), { x: left, y: middle(n + above(m)) }));
    const last = slots[m] - 1;
    if (m < L) places.set(keyOf({ m, j: SIZES[m] }), { x: left, y: middle(last) });
    places.set(`above:${m}`, { x: left, y: middle(0) });
    places.set(`below:${m}`, { x: left, y: middle(m < L ? last - 1 : last) });
    x.push({ left, right: left + width });
    pitches.push(pitch);
    left += width + (m < L ? GAP : 66);
  }
  const width = hasError() ? left + ERROR.width + 12 : left - 54;
  return { places, x, pitches, width, height: TOP + height + 34, errorLeft: left };
}

/** Write a name, without its middle if it is wider than the card: names often differ at the end. */
function writeName({ m, j, name }) {
  const words = nodeName(m, j);
  const { width } = m === 0 ? INPUT : CARD;
  name.textContent = words;
  for (let n = 40; n > 0 && name.getComputedTextLength() > width - 4; n--)
    name.textContent = `${words.slice(0, Math.ceil(n / 2))}…${words.slice(-(n >> 1) - 1)}`;
}

/** One number of a card, with its symbol before it. */
function cell(symbol, name, left, right, middle) {
  const value = svg("text", {
    class: "value",
    x: right,
    y: middle,
    "data-name": name,
    "data-room": right - left - SYMBOL,
    lengthAdjust: "spacingAndGlyphs",
  });
  return {
    value,
    parts: [svg("text", { class: "symbol", x: left, y: middle }, symbol), value],
  };
}

function buildNeuron(m, j, { x, y: middle }) {
  const { width, height } = m === 0 ? INPUT : CARD;
  const top = middle - height / 2;
  const half = x + width / 2;
  const cells = {};
  const name = svg("text", { class: "name", x: x + 2, y: top - 4 });
  const parts = [
    name,
    svg("rect", { class: "card", x, y: top, width, height, rx: 6 }),
  ];
  const add = (name, ...where) => {
    const made = cell(...where);
    cells[name] = made.value;
    parts.push(...made.parts);
  };
  if (m === 0) add("y", "y", "y", x + 9, x + width - 9, middle + 5);
  else {
    parts.push(
      svg("line", { class: "divider", x1: half, x2: half, y1: top + 4, y2: top + height - 4 }),
      ...(hasError()
        ? [svg("line", { class: "divider", x1: x + 4, x2: x + width - 4, y1: middle, y2: middle })]
        : []),
    );
    // As the signals run: v to y from left to right, phi' to delta from right to left.
    const upper = hasError() ? middle - 6 : middle + 5;
    add("v", "v", "v", x + 8, half - 7, upper);
    add("y", "y", "y", half + 8, x + width - 8, upper);
    if (hasError()) {
      add("delta", "δ", "delta", x + 8, half - 7, middle + 15);
      add("phi_prime", "φ′", "phi_prime", half + 8, x + width - 8, middle + 15);
    }
  }
  const key = keyOf({ m, j });
  const group = svg("g", { class: "neuron", role: "button", tabindex: -1, "data-key": key }, parts);
  nodes.set(key, { m, j, group, cells, name });
  return group;
}

function buildBias(m, { x, y: middle }) {
  const { width, height } = INPUT;
  const left = x + (m === 0 ? INPUT : CARD).width - 48;
  return svg(
    "g",
    { class: "bias" },
    svg("rect", { class: "card", x: left, y: middle - height / 2, width: 48, height, rx: 14 }),
    svg("text", { x: left + 24, y: middle + 5, "text-anchor": "middle" }, "+1"),
  );
}

/** "n more": the neurons that the window leaves out; a button that moves the window to them. */
function buildMore(m, side, { x, y: middle }) {
  const { width } = m === 0 ? INPUT : CARD;
  const left = side === "above" ? state.first[m] : SIZES[m] - WINDOW - state.first[m];
  if (!left) return [];
  const move = side === "above" ? -WINDOW : WINDOW;
  const onclick = () => {
    state.first[m] = clamp(state.first[m] + move, 0, SIZES[m] - WINDOW);
    build();
    show();
    focusOn(keyOf({ m, j: drawn(m).at(side === "above" ? 0 : -1) }));
  };
  const onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onclick();
  };
  const label = `${left} more ${side}, ${layerName(m)}`;
  const group = svg(
    "g",
    {
      class: "more",
      role: "button",
      "data-key": `${side}:${m}`,
      "aria-label": label,
      tabindex: 0,
      onclick,
      onkeydown,
    },
    svg("rect", { x, y: middle - 16, width, height: 32, fill: "transparent" }),
    svg("text", { x: x + width / 2, y: middle + 5 }, `⋮ ${left} more ${side}`),
  );
  return [group];
}

/** Where along its edge a label stands, so that those of one layer stand on a regular grid. */
function labelPosition({ pitches }, m) {
  const t = pitches[m - 1] / (pitches[m - 1] + SIZES[m] * pitches[m]);
  return t * pitches[m] >= LABEL_HEIGHT && isWhole(m) && isWhole(m - 1) && t > 0.2 ? t : null;
}

function buildEdge(plan, m, i, j, position) {
  const from = plan.places.get(keyOf({ m: m - 1, j: i }));
  const to = plan.places.get(keyOf({ m, j }));
  const ends = { x1: plan.x[m - 1].right, y1: from.y, x2: plan.x[m].left, y2: to.y };
  const seen = svg("line", { class: "seen", ...ends });
  const key = keyOf({ m, i, j });
  const group = svg(
    "g",
    { class: "edge", role: "button", tabindex: -1, "data-key": key },
    svg("line", { class: "hit", ...ends }),
    seen,
  );
  const label = svg("text", { class: "label", "aria-hidden": "true", "data-label": key });
  const put = (t) => {
    const width = ends.x2 - ends.x1;
    const half = 4 * label.textContent.length; // a digit is 8 wide at most
    const x = clamp(t * width, half, width - half); // beside the cards
    label.setAttribute("x", ends.x1 + x);
    label.setAttribute("y", ends.y1 + (x / width) * (ends.y2 - ends.y1) + 4);
  };
  edges.set(key, { m, i, j, group, seen, label, put, position });
  return [group, label];
}

function buildError(plan, j) {
  const { y: middle } = plan.places.get(keyOf({ m: L, j }));
  const x = plan.errorLeft;
  const top = middle - ERROR.height / 2;
  const [dCell, eCell] = [
    cell("d", "d", x + 8, x + ERROR.width - 8, middle - 6),
    cell("e", "e", x + 8, x + ERROR.width - 8, middle + 15),
  ];
  const group = svg(
    "g",
    { class: "error", "data-key": `e:${j}` },
    svg("line", { class: "link", x1: plan.x[L].right, x2: x, y1: middle, y2: middle }),
    svg("rect", { class: "card", x, y: top, width: ERROR.width, height: ERROR.height, rx: 6 }),
    svg("line", { class: "divider", x1: x + 4, x2: x + ERROR.width - 4, y1: middle, y2: middle }),
    DATA.has_desired[j] ? dCell.parts : [],
    eCell.parts,
  );
  errors.push({ j, group, cells: { d: dCell.value, e: eCell.value } });
  return group;
}

/** Draw the network anew: at the start, and when other neurons come into view. */
function build() {
  const focused = document.activeElement?.getAttribute("data-key");
  CARD.height = hasError() ? 42 : 28;
  const plan = layout();
  [nodes, edges, errors] = [new Map(), new Map(), []];
  const lines = [];
  const labels = [];
  const cards = [];
  const heads = [];
  const head = (x, first, second) =>
    heads.push(
      svg("text", { class: "title", x, y: 18 }, first),
      svg("text", { class: "kind", x, y: 36 }, second),
    );
  const directions = [];
  for (let m = 0; m <= L; m++) {
    const middle = (plan.x[m].left + plan.x[m].right) / 2;
    head(middle, place(m), m === 0 ? plural(SIZES[0], "feature") : shortened(kind(m), 24));
    for (const j of drawn(m)) cards.push(buildNeuron(m, j, plan.places.get(keyOf({ m, j }))));
    if (m < L) cards.push(buildBias(m, plan.places.get(keyOf({ m, j: SIZES[m] }))));
    if (!isWhole(m))
      for (const side of ["above", "below"])
        cards.push(...buildMore(m, side, plan.places.get(`${side}:${m}`)));
    if (m === 0) continue;
    const gap = (plan.x[m - 1].right + plan.x[m].left) / 2;
    directions[m] = svg("text", { class: "direction", x: gap, y: 18 });
    const position = labelPosition(plan, m);
    for (const i of sources(m))
      for (const j of drawn(m)) {
        const [group, label] = buildEdge(plan, m, i, j, position);
        lines.push(group);
        labels.push(label);
      }
  }
  extras = { plan, directions };
  if (hasError()) {
    const middle = plan.errorLeft + ERROR.width / 2;
    head(middle, "Error", shortened(LOSS, 18));
    for (const j of drawn(L)) cards.push(buildError(plan, j));
    extras.cost = svg("text", { class: "title", x: middle, y: plan.height - 12, "data-name": "E" });
    heads.push(extras.cost);
  }
  network.replaceChildren(...lines, ...labels, ...cards, ...heads, ...directions.filter(Boolean));
  network.setAttribute("viewBox", `0 0 ${plan.width} ${plan.height}`);
  nodes.forEach(writeName);
  network.style.setProperty("--width", `${plan.width}px`);
  const again = focused && (nodes.get(focused) ?? edges.get(focused));
  if (again) focusOn(focused);
  else makeReachable(keyOf({ m: 0, j: drawn(0)[0] }));
}

/** What the edges carry at this stage. */
function edgeValue({ m, i, j }) {
  return stage().kind === "change" ? change(m, i, j) : w(m, i, j);
}

/** Whether signals run along the weights of layer m at this stage; none runs back to a bias. */
function isActive(m, i = null) {
  const now = stage();
  if (now.kind === "forward") return now.m === m;
  if (now.kind === "backward") return now.m + 1 === m && i !== SIZES[m - 1];
  return now.kind === "change";
}

function touches({ m, i, j }, picked) {
  if (!picked) return false;
  if (picked.i !== undefined) return picked.m === m && picked.i === i && picked.j === j;
  const comesBack = stage().kind === "backward" && stage().m === picked.m && picked.m < L;
  return comesBack ? picked.m + 1 === m && picked.j === i : picked.m === m && picked.j === j;
}

function updateNetwork() {
  const now = stage();
  const put = (element, x, shown) => {
    element.textContent = shown ? text(x, DIGITS) : "";
    element.removeAttribute("textLength");
    const room = Number(element.dataset.room); // NaN of a label
    if (element.textContent.length > LONG && element.getComputedTextLength() > room)
      element.setAttribute("textLength", room);
    if (shown) element.setAttribute("data-value", x);
    else element.removeAttribute("data-value");
  };
  for (const { m, j, group, cells } of nodes.values()) {
    put(cells.y, y(m, j), showsOutputs(m));
    if (m > 0) {
      put(cells.v, v(m, j), showsOutputs(m));
    }
    if (cells.delta) {
      put(cells.phi_prime, slope(m, j), showsError());
      put(cells.delta, delta(m, j), showsDelta(m));
    }
    const active = now.m === m && now.kind !== "change" && now.kind !== "error";
    group.classList.toggle("active", active);
    const isPicked = state.picked !== null && keyOf(state.picked) === keyOf({ m, j });
    group.classList.toggle("picked", isPicked);
    group.setAttribute("aria-pressed", isPicked);
    group.setAttribute("aria-label", spokenNeuron(m, j));
  }
  const greatest = range(L + 1).map(() => 0);
  for (const edge of edges.values()) {
    const size = Math.abs(edgeValue(edge));
    if (size > greatest[edge.m] && size < Infinity) greatest[edge.m] = size;
  }
  for (const edge of edges.values()) {
    const x = edgeValue(edge);
    const share = Number.isFinite(x) && x !== 0 ? Math.abs(x) / greatest[edge.m] : 0;
    const near = touches(edge, state.picked);
    const active = isActive(edge.m, edge.i);
    const clear = near || (active && edge.position !== null);
    edge.seen.setAttribute("stroke-width", 0.8 + 3.2 * share);
    // Where there are many, the small ones stand back.
    edge.seen.setAttribute("stroke-opacity", clear ? 1 : (active ? 0.22 : 0.12) + 0.4 * share);
    edge.group.classList.toggle("positive", x > 0);
    edge.group.classList.toggle("negative", x < 0);
    edge.group.classList.toggle("picked", near && state.picked.i !== undefined);
    edge.group.setAttribute("aria-pressed", near && state.picked.i !== undefined);
    edge.group.setAttribute("aria-label", spokenWeight(edge));
    const labelled = near || (edge.position !== null && (active || now.kind === "input"));
    put(edge.label, x, labelled);
    // Labels of one neuron stand apart: at its far end all sources, or all targets, are apart.
    if (edge.position === null) edge.put(edge.m === state.picked?.m ? 0.27 : 0.73);
    else edge.put(edge.position);
  }
  for (const { j, group, cells } of errors) {
    put(cells.d, d(j), showsError());
    put(cells.e, e(j), showsError());
    group.classList.toggle("active", now.kind === "error");
  }
  if (extras.cost) {
    extras.cost.textContent = showsError() ? `E = ${text(E())}` : "";
    extras.cost.setAttribute("data-value", E());
  }
  extras.directions.forEach((label, m) => {
    const words = { forward: "forward →", backward: "← backward", change: "∆w" }[now.kind] ?? "";
    label.textContent = isActive(m) ? words : "";
  });
}

function spokenNeuron(m, j) {
  const parts = [capital(fullName(m, j))];
  if (showsOutputs(m) && m > 0) parts.push(`v ${text(v(m, j))}`);
  if (showsOutputs(m)) parts.push(`y ${text(y(m, j))}`);
  if (m > 0 && showsDelta(m)) parts.push(`delta ${text(delta(m, j))}`);
  return parts.join(", ");
}

function spokenWeight({ m, i, j }) {
  const name = `Weight from ${fullName(m - 1, i)} to ${fullName(m, j)}, ${text(w(m, i, j))}`;
  return stage().kind === "change" ? `${name}, change ${text(change(m, i, j))}` : name;
}

// Walking with the arrow keys: one neuron or weight is in the tab order at a time.

let anchor = "to"; // the end of the focused weight that stays when another weight is chosen

function makeReachable(key) {
  network.querySelector('[tabindex="0"]:not(.more)')?.setAttribute("tabindex", -1);
  (nodes.get(key) ?? edges.get(key))?.group.setAttribute("tabindex", 0);
}

function focusOn(key) {
  makeReachable(key);
  (nodes.get(key) ?? edges.get(key))?.group.focus();
}

function walkFromNeuron({ m, j }, key) {
  if (key === "ArrowUp" || key === "ArrowDown") {
    const next = clamp(j + (key === "ArrowUp" ? -1 : 1), 0, SIZES[m] - 1);
    return { m, j: next };
  }
  anchor = key === "ArrowLeft" ? "to" : "from";
  if (key === "ArrowLeft") return m > 0 ? { m, i: sources(m)[0], j } : null;
  return m < L ? { m: m + 1, i: j, j: drawn(m + 1)[0] } : null;
}

function walkFromWeight({ m, i, j }, key) {
  if (key === "ArrowLeft") return i === SIZES[m - 1] ? null : { m: m - 1, j: i };
  if (key === "ArrowRight") return { m, j };
  const choices = anchor === "to" ? sources(m) : drawn(m);
  const here = choices.indexOf(anchor === "to" ? i : j);
  const next = choices[clamp(here + (key === "ArrowUp" ? -1 : 1), 0, choices.length - 1)];
  return anchor === "to" ? { m, i: next, j } : { m, i, j: next };
}

network.addEventListener("keydown", (event) => {
  const key = event.target.getAttribute("data-key");
  const here = nodes.get(key) ?? edges.get(key);
  if (!here) return;
  if (event.key === "Enter" || event.key === " ") pick(here);
  else if (event.key === "Escape") pick(null);
  else if (event.key.startsWith("Arrow")) {
    const next = (here.i === undefined ? walkFromNeuron : walkFromWeight)(here, event.key);
    if (next) {
      if (next.i === undefined) reveal(next.m, next.j);
      focusOn(keyOf(next));
      updateNetwork();
    }
  } else return;
  event.preventDefault();
});

network.addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]")?.getAttribute("data-key");
  const here = nodes.get(key) ?? edges.get(key);
  if (!here) return;
  makeReachable(key);
  pick(here);
});

/** Choose a neuron or a weight, whose chain rule is then worked out. */
function pick(what) {
  const { m, i, j } = what ?? {};
  state.picked = what && (i === undefined ? { m, j } : { m, i, j });
  state.allTerms = false;
  if (what) {
    if (what.i !== undefined) reveal(what.m - 1, what.i);
    reveal(what.m, what.j);
  }
  show();
  if (!what) return;
  say(
    `Chain rule of ${what.i === undefined ? fullName(what.m, what.j) : "this weight"} worked out.`,
  );
  byId("worked").scrollTop = 0;
  if (matchMedia("(max-width: 1080px)").matches)
    byId("worked").scrollIntoView({ block: "nearest" });
}
