"use strict";
// The page is one script in four parts: the numbers of a trace and how they are written (here), the
// network drawn as a signal-flow graph, the worked chain rule and the table, and the controls,
// whose `show` brings all of it up to date.
//
// Layers are counted from the inputs, m = 0 .. L; the weights of layer m come from layer m - 1.
// Neuron i of layer m - 1 feeds neuron j of layer m, which feeds neuron k of layer m + 1; behind
// the last i comes y_0 = +1, which drives the bias. (In Python, layers of weights count from 0.)

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
  for (const match of formula.matchAll(/\p{L}{2,}|\^(−?[\d.]+)|(\p{L}|∑)(′?)(?:_(\w+))?/gu)) {
    parts.push(formula.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[1]) parts.push(html("sup", {}, match[1]));
    else if (!match[2]) parts.push(match[0]);
    else {
      parts.push(match[2] === "∑" ? "∑" : html("i", {}, match[2]), match[3]);
      if (match[4]) parts.push(html("sub", {}, match[4]));
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
  if (m === L) {
    const name = nodeName(m, j);
    return `output neuron ${j}${name === `output ${j}` ? "" : ` (${name})`}`;
  }
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
