"use strict";
// Steps through the back-propagation rule on the numbers of a trace. In order: the data, what the
// reader chose (`state`), small helpers, the network drawn as a signal-flow graph, the worked chain
// rule, the table, the controls. `show` brings all of them up to date; nothing else redraws.
//
// Layers are counted from the inputs, m = 0 .. L; the weights of layer m come from layer m - 1.
// Neuron i of layer m - 1 feeds neuron j of layer m, which feeds neuron k of layer m + 1; behind
// the last i comes y_0 = +1, which drives the bias.

// -- The data -------------------------------------------------------------------------------------

const DATA = JSON.parse(document.getElementById("data").textContent);
const SIZES = DATA.sizes;
const L = SIZES.length - 1;

/** An array of NumPy's: `at(row, j, k)`; a leading axis of one is shared by all rows. */
function decode({ shape, dtype, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const numbers = new (dtype === "<f4" ? Float32Array : Float64Array)(bytes.buffer);
  const [rows, J = 1, K = 1] = shape;
  const at = (row, j = 0, k = 0) => numbers[(Math.min(row, rows - 1) * J + j) * K + k];
  return { rows, numbers, at };
}

const decodeAll = (item) => (Array.isArray(item) ? item.map(decode) : item && decode(item));

/** A flow (samples, or steps of training) with its arrays decoded. */
function decodeFlow(raw) {
  if (!raw) return null;
  const entries = Object.entries(raw).map(([name, item]) => [name, decodeAll(item)]);
  return { ...Object.fromEntries(entries), n: raw.y[0].shape[0] };
}

const FLOWS = { samples: decodeFlow(DATA.samples), training: decodeFlow(DATA.training) };
const LEARNS = decodeAll(DATA.learns); // with a mask, 1 where a weight learns
const LOSS = DATA.loss.replaceAll("_", " ");

// -- What the reader chose ------------------------------------------------------------------------

const state = {
  flow: "samples",
  row: { samples: 0, training: 0 },
  stage: 0,
  picked: null, // {m, j} a neuron, {m, i, j} a weight
  first: SIZES.map(() => 0), // first neuron of each layer that is drawn
  digits: 4,
  allTerms: false, // of long sums
  timer: null, // of the player
};

const flow = () => FLOWS[state.flow];
const row = () => state.row[state.flow];
const hasError = () => flow().E !== null;

// The signals of the row that is shown, by their symbols in the derivation.
const y = (m, i) => (i === SIZES[m] ? 1 : flow().y[m].at(row(), i));
const v = (m, j) => flow().v[m - 1].at(row(), j);
const slope = (m, j) => flow().phi_prime[m - 1].at(row(), j);
const delta = (m, j) => flow().delta[m - 1].at(row(), j);
const d = (j) => flow().d.at(row(), j);
const e = (j) => flow().e.at(row(), j);
const E = () => flow().E.at(row());
const eta = (m) => flow().eta.at(row(), m - 1);
const wAt = (r, m, i, j) =>
  i === SIZES[m - 1] ? flow().b[m - 1].at(r, j) : flow().W[m - 1].at(r, i, j);
const w = (m, i, j) => wAt(row(), m, i, j);
const isFixed = (m, i, j) => LEARNS !== null && i < SIZES[m - 1] && !LEARNS[m - 1].at(i, j);
const change = (m, i, j) => (isFixed(m, i, j) ? 0 : eta(m) * delta(m, j) * y(m - 1, i));
/** -dE/dy of a neuron: the error, or what comes back to a hidden one. */
const back = (m, j) =>
  m === L ? e(j) : sum(range(SIZES[m + 1]).map((k) => delta(m + 1, k) * w(m + 1, j, k)));

const phi = (m, j) => {
  const names = DATA.activations[m - 1];
  return typeof names === "string" ? names : names[j];
};
const kind = (m) => (typeof DATA.activations[m - 1] === "string" ? phi(m, 0) : "mixed");

/** Stages of a step: forward, error, backward, changes. */
function stages() {
  const list = [{ kind: "input", m: 0, label: "Inputs" }];
  for (let m = 1; m <= L; m++) list.push({ kind: "forward", m, label: `${place(m)} →` });
  if (!hasError()) return list;
  list.push({ kind: "error", m: L, label: "Error" });
  for (let m = L; m >= 1; m--) list.push({ kind: "backward", m, label: `← ${place(m)}` });
  list.push({ kind: "change", m: 0, label: "Changes" });
  return list;
}
const stage = () => stages()[state.stage];
const showsOutputs = (m) => state.stage >= m;
const showsError = () => hasError() && state.stage > L;
const showsDelta = (m) => hasError() && state.stage >= 2 * L + 2 - m;

// -- Helpers --------------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);
const SVG = byId("network").namespaceURI;
const range = (n, from = 0) => Array.from({ length: n }, (_, i) => from + i);
const sum = (values) => values.reduce((total, value) => total + value, 0);
const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null) element.setAttribute(name, value);
  element.append(...children.flat(Infinity));
  return element;
}
const html = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

/** A number as it is read: significant digits, a true minus sign. */
function text(x, digits = state.digits) {
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  const plain = size === 0 || (size >= 1e-3 && size < 10 ** digits);
  const shown = size === 0 ? "0" : plain ? x.toPrecision(digits) : x.toExponential(digits - 1);
  return shown.replaceAll("-", "−").replace("e+", "e");
}

/** A number in a line or a table; `name` says what it is, data-value has all its digits. */
const number = (x, name = null, result = false) =>
  html(
    "span",
    { class: result ? "number result" : "number", "data-name": name, "data-value": x, title: x },
    text(x),
  );

/** Signed factors of a product are put in brackets. */
const factor = (x) => (x < 0 ? ["(", number(x), ")"] : [number(x)]);

/** Mathematics: single letters in italics, what follows an underscore as an index. */
function math(formula) {
  const parts = [];
  let end = 0;
  for (const match of formula.matchAll(/\p{L}{2,}|(\p{L}|∑)(′?)(?:_(\w+))?/gu)) {
    parts.push(formula.slice(end, match.index));
    end = match.index + match[0].length;
    if (!match[1]) parts.push(match[0]);
    else {
      parts.push(match[1] === "∑" ? "∑" : html("i", {}, match[1]), match[2]);
      if (match[3]) parts.push(html("sub", {}, match[3]));
    }
  }
  return html("span", { class: "math" }, parts, formula.slice(end));
}

const place = (m) => {
  if (m === 0) return "Inputs";
  if (m === L) return "Output";
  return L === 2 ? "Hidden" : `Hidden ${m - 1}`;
};
const nodeName = (m, j) => {
  if (j === SIZES[m]) return "+1";
  if (m === 0) return DATA.features[j];
  return m === L ? DATA.outputs[j] : `${j}`;
};
const fullName = (m, j) => {
  if (j === SIZES[m]) return "the bias (y₀ = +1)";
  if (m === 0) return `input ${nodeName(m, j)}`;
  if (m === L) return `output neuron ${nodeName(m, j)}`;
  return `hidden neuron ${j}${L === 2 ? "" : ` of layer ${m - 1}`}`;
};
/** What a row of a table is called. */
const entryName = (m, j) => {
  if (j === SIZES[m]) return "bias";
  return m > 0 && m < L ? `neuron ${j}` : nodeName(m, j);
};
const layerName = (m) => {
  if (m === 0) return "inputs";
  if (m === L) return "output layer";
  return L === 2 ? "hidden layer" : `hidden layer ${m - 1}`;
};
const theLayer = (m) => (m === L || L === 2 ? `the ${layerName(m)}` : layerName(m));
const capital = (words) => words[0].toUpperCase() + words.slice(1);
const shortened = (words, n) => (words.length > n ? `${words.slice(0, n - 1)}…` : words);
const rowName = () => {
  if (state.flow === "samples") return `sample ${row()}`;
  return `training step ${row()}`;
};

// -- The network ----------------------------------------------------------------------------------

const CARD = { width: 186, height: 42 }; // half as high where nothing comes back
const INPUT = { width: 128, height: 28 };
const ERROR = { width: 112, height: 42 };
const GAP = 132;
const TOP = 62;
const MOST = 12; // neurons of a layer that are all drawn; of a larger layer, a window of WINDOW
const WINDOW = 8;
const LABEL_HEIGHT = 24;
const DIGITS = 3; // of the numbers in the network

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

/** One number of a card, with its symbol before it. */
function cell(symbol, name, left, right, middle) {
  const value = svg("text", { class: "value", x: right, y: middle, "data-name": name });
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
  const name = shortened(nodeName(m, j), m === 0 ? 20 : 26);
  const parts = [
    svg("text", { class: "name", x: x + 2, y: top - 4 }, name),
    svg("rect", { class: "card", x, y: top, width, height, rx: 6 }),
  ];
  const add = (name, ...place) => {
    const made = cell(...place);
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
  nodes.set(key, { m, j, group, cells });
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

/** "n more": the neurons that the window leaves out; clicking moves the window. */
function buildMore(m, side, { x, y: middle }) {
  const { width } = m === 0 ? INPUT : CARD;
  const left = side === "above" ? state.first[m] : SIZES[m] - WINDOW - state.first[m];
  if (!left) return [];
  const move = side === "above" ? -WINDOW : WINDOW;
  const onclick = () => {
    state.first[m] = clamp(state.first[m] + move, 0, SIZES[m] - WINDOW);
    build();
    show();
  };
  const group = svg(
    "g",
    { class: "more", role: "button", "data-key": `${side}:${m}`, tabindex: -1, onclick },
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
    label.setAttribute("x", ends.x1 + t * (ends.x2 - ends.x1));
    label.setAttribute("y", ends.y1 + t * (ends.y2 - ends.y1) + 4);
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
    dCell.parts,
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
  network.style.cssText = `width: 100%; min-width: ${0.8 * plan.width}px;
    max-width: ${1.25 * plan.width}px`;
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
    edge.group.classList.toggle("negative", x < 0);
    edge.group.classList.toggle("active", near || active);
    edge.group.classList.toggle("picked", near && state.picked.i !== undefined);
    edge.group.setAttribute("aria-pressed", near && state.picked.i !== undefined);
    edge.group.setAttribute("aria-label", spokenWeight(edge));
    const labelled = near || (edge.position !== null && (active || now.kind === "input"));
    // Labels of one neuron stand apart: at its far end all sources, or all targets, are apart.
    if (edge.position === null) edge.put(edge.m === state.picked?.m ? 0.27 : 0.73);
    else edge.put(edge.position);
    put(edge.label, x, labelled);
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

// Walking with the arrow keys: one element of the network is in the tab order at a time.

let anchor = "to"; // the end of the focused weight that stays when another weight is chosen

function makeReachable(key) {
  network.querySelector('[tabindex="0"]')?.setAttribute("tabindex", -1);
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
  say(`Chain rule of ${what.i === undefined ? fullName(what.m, what.j) : "this weight"} worked out.`);
  byId("worked").scrollTop = 0;
  if (matchMedia("(max-width: 1080px)").matches)
    byId("worked").scrollIntoView({ block: "nearest" });
}

// -- The worked chain rule ------------------------------------------------------------------------

const line = (...parts) =>
  html("p", { class: "line" },
    parts.flat(Infinity).map((part) => (typeof part === "string" ? math(part) : part)));
const note = (words) => html("p", { class: "note" }, words);
const heading = (words) => html("h3", {}, words);
const link = (what, ...content) =>
  html("button", { type: "button", class: "plain", onclick: () => pick(what) }, ...content);

const TERMS = 12; // of a sum, or changes of weights, that are shown before more are asked for

/** The places of the values that are shown: all, or the largest. */
function largest(values) {
  const places = range(values.length);
  if (values.length <= TERMS + 2 || state.allTerms) return places;
  const order = [...places].sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]));
  return order.slice(0, TERMS).sort((a, b) => a - b);
}

/** A button that shows all of a shortened table. */
function showAll(words) {
  const onclick = () => {
    state.allTerms = true;
    show();
    byId("worked").focus();
  };
  return html("button", { type: "button", class: "plain", onclick }, words);
}

/** A sum worked out term by term: rows {name, what, factors}; the last column is the product. */
function sumTable(caption, symbols, terms, [totalSymbol, total, totalName]) {
  const products = terms.map(({ factors }) => factors.reduce((a, b) => a * b));
  const shown = largest(products);
  const rest = terms.length - shown.length;
  const body = shown.map((n) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, terms[n].what ? link(terms[n].what, terms[n].name) : terms[n].name),
      terms[n].factors.map((x) => html("td", {}, number(x))),
      html("td", {}, number(products[n], "term")),
    ),
  );
  if (rest) {
    const others = sum(products) - sum(shown.map((n) => products[n]));
    const all = showAll(`${rest} smaller terms: show all ${terms.length}`);
    body.push(
      html("tr", {},
        html("th", { scope: "row", colspan: symbols.length + 1 }, all),
        html("td", {}, number(others))),
    );
  }
  return html(
    "div",
    { class: "scroll" },
    html(
      "table",
      {},
      html("caption", { class: "unseen" }, caption),
      html("thead", {}, html("tr", {}, html("th", {}),
        symbols.map((symbol) => html("th", { scope: "col" }, math(symbol))),
        html("th", { scope: "col" }, math(symbols.join(" · "))))),
      html("tbody", {}, body),
      html("tfoot", {}, html("tr", {},
        html("th", { scope: "row", colspan: symbols.length + 1 }, math(totalSymbol)),
        html("td", {}, number(total, totalName, true)))),
    ),
  );
}

/** v_j, y_j and the slope of a neuron. */
function workForward(m, j) {
  const order = [SIZES[m - 1], ...range(SIZES[m - 1])]; // the bias first, as i = 0
  const terms = order.map((i) => ({
    name: entryName(m - 1, i),
    what: { m, i, j },
    factors: [w(m, i, j), y(m - 1, i)],
  }));
  const name = phi(m, j);
  const output =
    name === "softmax"
      ? line("y_j = exp(v_j) / ∑_k exp(v_k) = ", number(y(m, j), "y", true))
      : line(`y_j = φ_j(v_j) = ${name}(`, number(v(m, j)), ") = ", number(y(m, j), "y", true));
  return [
    heading("Forward"),
    line("v_j = ∑_i w_ji y_i"),
    sumTable("Induced local field", ["w_ji", "y_i"], terms, ["v_j", v(m, j), "v"]),
    output,
    line("φ′_j(v_j) = ", number(slope(m, j), "phi_prime", true)),
    name === "softmax" ? note("For softmax, ∂y/∂v of the neuron itself: y (1 − y).") : [],
  ];
}

/** e_j of an output neuron. */
function workError(j) {
  const value = number(e(j), "e", true);
  if (DATA.sum_of_squares)
    return line("e_j = d_j − y_j = ", number(d(j), "d"), " − ", factor(y(L, j)), " = ", value);
  return [
    line("d_j = ", number(d(j), "d")),
    line("e_j = −∂E/∂y_j = ", value),
    note(`The error signal of the loss ${LOSS}.`),
  ];
}

/** Whether the product e phi' can be written down for the neuron. */
const isProduct = (m, j) => m < L || (DATA.elementwise && Number.isFinite(e(j)));

/** delta_j of an output neuron. */
function workOutputDelta(j) {
  const result = number(delta(L, j), "delta", true);
  const parts = [];
  if (isProduct(L, j)) {
    const product = [factor(e(j)), " × ", factor(slope(L, j))];
    const end = DATA.fused ? [] : [" = ", result];
    parts.push(line("δ_j = e_j φ′_j(v_j) = ", product, end));
  } else if (phi(L, j) === "softmax" && !DATA.difference) {
    const terms = range(SIZES[L]).map((k) => ({
      name: entryName(L, k),
      what: { m: L, j: k },
      factors: [e(k), y(L, k) * ((k === j ? 1 : 0) - y(L, j))],
    }));
    parts.push(
      line("δ_j = ∑_k e_k ∂y_k/∂v_j"),
      sumTable("Through softmax", ["e_k", "∂y_k/∂v_j"], terms, ["δ_j", delta(L, j), "delta"]),
      note("Each output of softmax depends on every v of its layer: ∂y/∂v is y (1 − y) for the "
        + "neuron itself, and minus the product of both outputs for another."),
    );
  }
  if (DATA.difference)
    parts.push(
      line("δ_j = d_j − y_j = ", number(d(j)), " − ", factor(y(L, j)), " = ", result),
      note(DATA.elementwise
        ? "What the product comes to, and is computed as."
        : `What ∑ e ∂y/∂v comes to: ${LOSS} and ${phi(L, j)} belong together.`),
    );
  else if (DATA.fused || !parts.length)
    parts.push(line("δ_j = −∂E/∂v_j = ", result), note("Computed from v in one piece."));
  return parts;
}

/** delta_j of a hidden neuron. */
function workHiddenDelta(m, j) {
  const terms = range(SIZES[m + 1]).map((k) => ({
    name: entryName(m + 1, k),
    what: { m: m + 1, j: k },
    factors: [delta(m + 1, k), w(m + 1, j, k)],
  }));
  const symbol = "∑_k δ_k w_kj";
  return [
    line(`−∂E/∂y_j = ${symbol}`),
    sumTable("What comes back", ["δ_k", "w_kj"], terms, [symbol, back(m, j), "back"]),
    line(`δ_j = φ′_j(v_j) ${symbol} = `, factor(slope(m, j)), " × ", factor(back(m, j)), " = ",
      number(delta(m, j), "delta", true)),
  ];
}

const workBackward = (m, j) =>
  m === L ? [workError(j), workOutputDelta(j)] : workHiddenDelta(m, j);

/** The changes of all weights into a neuron, or of those that change most. */
function workChanges(m, j) {
  const order = [SIZES[m - 1], ...range(SIZES[m - 1])];
  const shown = largest(order.map((i) => change(m, i, j)));
  const rest = order.length - shown.length;
  const rows = shown.map((n) => {
    const i = order[n];
    return html("tr", {},
      html("th", { scope: "row" }, link({ m, i, j }, entryName(m - 1, i))),
      html("td", {}, number(y(m - 1, i))),
      html("td", {}, number(change(m, i, j), "dw")));
  });
  return [
    heading("Change of its weights"),
    line("∆w_ji = η δ_j y_i, η = ", number(eta(m), "eta"), ", δ_j = ", number(delta(m, j))),
    html("div", { class: "scroll" }, html("table", {},
      html("caption", { class: "unseen" }, "Changes of the weights"),
      html("thead", {}, html("tr", {}, html("th", {}),
        html("th", { scope: "col" }, math("y_i")), html("th", { scope: "col" }, math("∆w_ji")))),
      html("tbody", {}, rows))),
    rest ? html("p", {}, showAll(`${rest} smaller changes: show all ${order.length}`)) : [],
  ];
}

function workNeuron({ m, j }) {
  const title = capital(fullName(m, j));
  if (m === 0)
    return [title, "", [line("y_i = x_i = ", number(y(0, j), "y", true))], python("y[0]", j)];
  const parts = [workForward(m, j)];
  if (hasError())
    parts.push(
      heading("Backward"),
      workBackward(m, j),
      workChanges(m, j),
    );
  return [title, phi(m, j), parts, python(`${hasError() ? "delta" : "v"}[${m - 1}]`, j)];
}

/** dE/dw of a weight, factor by factor. */
function workChain(m, i, j, gradient) {
  const last = [" × ", factor(y(m - 1, i)), " = ", gradient];
  if (!isProduct(m, j))
    return [
      line("∂E/∂w_ji = ∂E/∂v_j · ∂v_j/∂w_ji"),
      line("= −δ_j · y_i"),
      line("= ", factor(-delta(m, j)), last),
    ];
  const slopes = [" × ", factor(slope(m, j)), last];
  if (m === L && DATA.sum_of_squares)
    return [
      line("∂E/∂w_ji = ∂E/∂e_j · ∂e_j/∂y_j · ∂y_j/∂v_j · ∂v_j/∂w_ji"),
      line("= e_j · (−1) · φ′_j(v_j) · y_i"),
      line("= ", factor(e(j)), " × (−1)", slopes),
    ];
  return [
    line("∂E/∂w_ji = ∂E/∂y_j · ∂y_j/∂v_j · ∂v_j/∂w_ji"),
    line(m === L ? "= −e_j · φ′_j(v_j) · y_i" : "= −∑_k δ_k w_kj · φ′_j(v_j) · y_i"),
    line("= ", factor(-back(m, j)), slopes),
  ];
}

/** A weight: the chain rule, and what the rule makes of it. */
function workWeight({ m, i, j }) {
  const title = `Weight from ${fullName(m - 1, i)} to ${fullName(m, j)}`;
  const parts = [line("w_ji = ", number(w(m, i, j), "w", true))];
  if (!hasError()) return [title, "", parts, ""];
  const gradient = number(-delta(m, j) * y(m - 1, i), "gradient", true);
  parts.push(heading("Chain rule"), workChain(m, i, j, gradient));
  parts.push(
    heading(m === L ? "Local gradient of the output neuron" : "Local gradient of the hidden neuron"),
    workBackward(m, j),
    heading("Change"),
    line("∆w_ji = −η ∂E/∂w_ji = η δ_j y_i"),
    isFixed(m, i, j) ? note("The mask keeps this weight as it is.") : [],
    line("= ", number(eta(m), "eta"), " × ", factor(delta(m, j)), " × ", factor(y(m - 1, i)), " = ",
      number(change(m, i, j), "dw", true)),
    workStep(m, i, j),
    line("Neuron: ", link({ m, j }, capital(fullName(m, j)))),
  );
  const expression = i === SIZES[m - 1] ? `db(${m - 1}, …)[${j}]` : `dw(${m - 1}, …)[${i}, ${j}]`;
  return [title, "", parts, python(expression)];
}

/** The weight after the step: as the rule has it, or as training recorded it. */
function workStep(m, i, j) {
  const before = w(m, i, j);
  const byRule = before + change(m, i, j);
  if (state.flow === "samples")
    return line("w_ji + ∆w_ji = ", number(byRule, "w_after", true));
  const after = wAt(row() + 1, m, i, j);
  const close = Math.abs(after - byRule) <= 1e-6 * Math.max(Math.abs(after), Math.abs(before));
  const values = range(flow().n + 1).map((r) => wAt(r, m, i, j));
  return [
    line("after the step: ", "w_ji = ", number(after, "w_after", true)),
    close ? [] : note(`The rule alone gives ${text(byRule)}: this solver, or a penalty, does more.`),
    html("p", { class: "note" }, "This weight over the steps:"),
    chart(values, row(), `This weight over ${plural(flow().n, "step")}`),
  ];
}

/** Where the numbers are in Python. */
function python(expression, j = null) {
  const own = state.flow === "samples";
  const holder = own ? "trace" : `recording.steps[${row()}].trace`;
  const n = own ? row() : 0;
  if (j !== null) return `${holder}.${expression}[${n}, ${j}]`;
  return `${holder}.${expression.replace("…", n)}`;
}

function updateWorked() {
  const panel = byId("worked");
  if (!state.picked) {
    panel.replaceChildren(
      html("h2", { id: "worked-title" }, "Worked chain rule"),
      note("Choose a neuron or a weight in the network: with the mouse, or with Tab, the arrow "
        + "keys and Enter."),
      heading("The rule"),
      line("∆w_ji = η δ_j y_i"),
      note("for any weight, from neuron or input i to neuron j, where"),
      line("δ_j = e_j φ′_j(v_j)"),
      note("if j is an output neuron, and"),
      line("δ_j = φ′_j(v_j) ∑_k δ_k w_kj"),
      note("if j is a hidden neuron that feeds the neurons k."),
    );
    return;
  }
  const work = state.picked.i === undefined ? workNeuron : workWeight;
  const [title, name, parts, code] = work(state.picked);
  panel.replaceChildren(
    html("h2", { id: "worked-title" }, title),
    html("p", { class: "note" }, capital(rowName()), name ? `, φ = ${name}` : ""),
    ...parts.flat(Infinity),
    ...(code ? [heading("In Python"), html("code", {}, code)] : []),
  );
}

// -- The table ------------------------------------------------------------------------------------

function updateTable() {
  const details = byId("table");
  if (!details.open) return;
  const cellOf = (x, name, shown = true) =>
    html("td", {}, shown ? number(x, name) : html("span", { class: "note" }, "–"));
  const rows = [];
  for (let m = 0; m <= L; m++)
    for (const j of range(SIZES[m]))
      rows.push(
        html("tr", { "data-row": keyOf({ m, j }) },
          html("th", { scope: "row" }, link({ m, j }, capital(fullName(m, j)))),
          cellOf(m && v(m, j), "v", m > 0),
          cellOf(y(m, j), "y"),
          cellOf(m && slope(m, j), "phi_prime", m > 0),
          hasError() ? [
            cellOf(m === L && d(j), "d", m === L),
            cellOf(m === L && e(j), "e", m === L),
            cellOf(m && delta(m, j), "delta", m > 0),
          ] : []));
  const symbols = ["v", "y", "φ′(v)", ...(hasError() ? ["d", "e", "δ"] : [])];
  details.lastElementChild.replaceChildren(
    html("table", {}, html("caption", {}, `Signals of ${rowName()}`),
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "Neuron"),
        symbols.map((symbol) => html("th", { scope: "col" }, math(symbol))))),
      html("tbody", {}, rows)),
  );
}

// -- The controls ---------------------------------------------------------------------------------

const POINTS = 1000; // of a chart

/** A line of values with a mark at the current one; of very many, the largest of each stretch. */
function chart(all, current, label) {
  const stretch = Math.ceil(all.length / POINTS);
  const values = range(Math.ceil(all.length / stretch)).map((p) =>
    all.slice(p * stretch, (p + 1) * stretch).reduce((a, b) => (b > a ? b : a)));
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const n = Math.max(1, values.length - 1);
  const height = (x) => (high > low ? 32 - (30 * (x - low)) / (high - low) : 17);
  const points = values.map((x, r) => (Number.isFinite(x) ? `${(100 * r) / n} ${height(x)}` : null));
  const path = points.map((point, r) =>
    point === null ? "" : `${r > 0 && points[r - 1] !== null ? "L" : "M"}${point}`);
  const here = (100 * current) / Math.max(1, all.length - 1);
  return svg(
    "svg",
    { viewBox: "0 0 100 34", preserveAspectRatio: "none", role: "img", class: "chart",
      "aria-label": `${label}: from ${text(low)} to ${text(high)}` },
    svg("path", { d: path.join("") }),
    svg("line", { x1: here, x2: here, y1: 0, y2: 34 }),
  );
}

const WITHOUT_Y = " The trace was made without y: there is no error, and no way back.";

/** The equation and a sentence for each kind of stage. */
function explanation(now) {
  const layer = theLayer(now.m);
  if (now.kind === "input")
    return ["y_i = x_i,   y_0 = +1", "The sample enters. The constant +1 drives the biases."];
  if (now.kind === "forward")
    return ["v_j = ∑_i w_ji y_i,   y_j = φ_j(v_j)",
      `Forward flow: each neuron of ${layer} adds up what its weights bring, and its `
      + `activation turns the sum into its output.${hasError() || now.m < L ? "" : WITHOUT_Y}`];
  if (now.kind === "error")
    return DATA.sum_of_squares
      ? ["e_j = d_j − y_j,   E = ½ ∑_j e_j²",
        "Desired minus actual output, and what the error of this row costs."]
      : ["e_j = −∂E/∂y_j",
        `How the cost of this row, the ${LOSS}, falls with each output.`];
  if (now.kind === "change")
    return ["∆w_ji = η δ_j y_i",
      "The same for every weight: the local gradient of the neuron it leads to, times the signal "
      + "that enters it. The network shows the changes."];
  if (now.m < L)
    return ["δ_j = φ′_j(v_j) ∑_k δ_k w_kj",
      `Backward flow: the local gradients of the next layer come back to ${layer} through `
      + "the weights as they were before this step's change."];
  const rule = DATA.elementwise ? "e_j φ′_j(v_j)" : "∑_k e_k ∂y_k/∂v_j";
  const slopes = DATA.elementwise ? "slope of the activation" : `slopes of ${kind(L)}`;
  return [`δ_j = −∂E/∂v_j = ${rule}${DATA.difference ? " = d_j − y_j" : ""}`,
    `The backward flow begins: the error, times the ${slopes}. ${DATA.difference
      ? "This loss and this output activation belong together: it comes to the plain difference."
      : ""}`];
}

function updateCaption() {
  const now = stage();
  const [rule, sentence] = explanation(now);
  const names = { input: "Inputs", forward: "Forward", error: "Error", backward: "Backward",
    change: "Changes" };
  const where = now.kind === "forward" || now.kind === "backward"
    ? `, ${layerName(now.m)}` : "";
  byId("stage-title").textContent = names[now.kind] + where;
  byId("stage-rule").replaceChildren(math(rule));
  byId("stage-text").textContent = sentence;
  byId("legend").replaceChildren(
    now.kind === "change" ? "Edges: change ∆w. " : "Edges: weight w. ",
    signSample("sign"), " positive, ", signSample("sign sign-negative"),
    " negative (dashed); width by size within a layer. ",
    hasError() ? "In a card: above v → y, below δ ← φ′." : "",
  );
}

const signSample = (name) =>
  svg("svg", { viewBox: "0 0 40 10", "aria-hidden": "true" },
    svg("line", { class: name, x1: 0, x2: 40, y1: 5, y2: 5 }));

function updateControls() {
  const { n } = flow();
  const training = state.flow === "training";
  byId("row-label").textContent = training ? "Training step" : "Sample";
  byId("row-note").textContent = training
    ? `of ${n}; it presents row ${flow().row.at(row())}` : `of ${n} (first is 0)`;
  for (const id of ["row", "slider"]) {
    byId(id).max = n - 1;
    byId(id).value = row();
  }
  byId("slider").setAttribute("aria-label", training ? "Training step" : "Sample");
  byId("slider").hidden = byId("chart").hidden = n === 1;
  byId("row-back").disabled = row() === 0;
  byId("row-next").disabled = row() === n - 1;
  byId("player").hidden = !training;
  byId("play").textContent = state.timer ? "Pause" : "Play";
  byId("back").disabled = state.stage === 0;
  byId("next").disabled = state.stage === stages().length - 1;
  const radios = byId("stages").querySelectorAll("input");
  radios.forEach((radio, s) => (radio.checked = s === state.stage));
  byId("chart").replaceChildren(
    ...(hasError() && n > 1
      ? [html("span", { class: "note", "aria-hidden": "true" }, math("E")),
        chart([...flow().E.numbers], row(), `Cost E of each ${training ? "step" : "sample"}`)]
      : []),
  );
}

function buildStages() {
  const radios = stages().map(({ kind: what, m, label }, s) => {
    const spoken = what === "forward" || what === "backward"
      ? `${capital(what)}, ${layerName(m)}` : label;
    const onchange = () => go(s);
    return html("label", {},
      html("input", { type: "radio", name: "stage", value: s, "aria-label": spoken, onchange }),
      html("span", { "aria-hidden": "true" }, label));
  });
  byId("stages").replaceChildren(html("legend", {}, "Stage"), ...radios);
}

const say = (words) => (byId("status").textContent = words);

/** What has come into view, for those who listen. */
function announce() {
  const now = stage();
  const numbers = [];
  const few = (m) => range(Math.min(SIZES[m], 10));
  if (now.kind === "input" || now.kind === "forward")
    for (const j of few(now.m)) numbers.push(spokenNeuron(now.m, j));
  if (now.kind === "error")
    numbers.push(...few(L).map((j) => `${nodeName(L, j)} e ${text(e(j))}`), `E ${text(E())}`);
  if (now.kind === "backward")
    for (const j of few(now.m)) numbers.push(`${fullName(now.m, j)} delta ${text(delta(now.m, j))}`);
  say(`${capital(rowName())}. Stage ${state.stage + 1} of ${stages().length}, `
    + `${byId("stage-title").textContent}. ${numbers.join("; ")}`);
}

/** Bring everything up to date. */
function show() {
  updateControls();
  updateCaption();
  updateNetwork();
  updateWorked();
  updateTable();
}

/** Follow the flow where the network is wider than the screen. */
function follow() {
  const figure = byId("figure");
  const now = stage();
  const { x, width } = extras.plan;
  const scale = network.getBoundingClientRect().width / width;
  const middle = now.kind === "error" ? width : now.kind === "change" ? width / 2
    : (x[now.m].left + x[now.m].right) / 2;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  figure.scrollTo({ left: middle * scale - figure.clientWidth / 2,
    behavior: calm ? "instant" : "smooth" });
}

function go(s) {
  state.stage = clamp(s, 0, stages().length - 1);
  show();
  follow();
  announce();
}

function goRow(r, quiet = false) {
  if (!Number.isInteger(r)) return;
  state.row[state.flow] = clamp(r, 0, flow().n - 1);
  show();
  if (!quiet) announce();
}

function pause() {
  clearInterval(state.timer);
  state.timer = null;
}

/** Play the recorded steps: from the start, if they are at their end. */
function play() {
  pause();
  if (row() === flow().n - 1) goRow(0, true);
  const tick = () => {
    goRow(row() + 1, true);
    if (row() < flow().n - 1) return;
    pause();
    show();
    announce();
  };
  state.timer = setInterval(tick, 1000 / Number(byId("speed").value));
  show();
}

function useFlow(name) {
  pause();
  const last = stages().length - 1;
  state.flow = name;
  if (name === "training" || state.stage > last) state.stage = stages().length - 1;
  state.stage = Math.min(state.stage, stages().length - 1);
  buildStages();
  build();
  go(state.stage);
}

const isDark = () => {
  const chosen = document.documentElement.style.colorScheme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};
function updateTheme(dark) {
  if (dark !== undefined) document.documentElement.style.colorScheme = dark ? "dark" : "light";
  byId("theme").setAttribute("aria-pressed", isDark());
}

function start() {
  const on = (id, event, act) => byId(id).addEventListener(event, act);
  on("theme", "click", () => updateTheme(!isDark()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => updateTheme());
  on("back", "click", () => go(state.stage - 1));
  on("next", "click", () => go(state.stage + 1));
  on("row-back", "click", () => goRow(row() - 1));
  on("row-next", "click", () => goRow(row() + 1));
  on("row", "change", (event) => goRow(event.target.valueAsNumber));
  on("slider", "input", (event) => goRow(event.target.valueAsNumber));
  on("play", "click", () => {
    if (!state.timer) return play();
    pause();
    show();
    announce();
  });
  on("speed", "change", () => state.timer && play());
  on("flows", "change", (event) => useFlow(event.target.value));
  on("digits", "change", (event) => {
    state.digits = Number(event.target.value);
    show();
  });
  on("table", "toggle", updateTable);
  on("find-layer", "change", () => (byId("find-neuron").max = SIZES[byId("find-layer").value] - 1));
  on("find", "submit", (event) => {
    event.preventDefault();
    pick({ m: Number(byId("find-layer").value), j: byId("find-neuron").valueAsNumber });
  });
  on("worked", "keydown", (event) => event.key === "Escape" && pick(null));
  byId("find-layer").append(...range(L + 1).map((m) => html("option", { value: m }, place(m))));
  byId("find-layer").value = Math.min(1, L);
  byId("find-neuron").max = SIZES[1] - 1;
  byId("flows").hidden = !FLOWS.training;
  const kinds = range(L, 1).map(kind).join(", ");
  byId("summary").textContent = `${SIZES.join("–")} network · ${kinds} · loss `
    + `${LOSS} · η = ${[...new Set(range(L, 1).map(eta))].map((x) => +x.toPrecision(4)).join(", ")}`;
  updateTheme();
  buildStages();
  build();
  show();
}

start();
