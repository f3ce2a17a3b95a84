// The chain rule of the chosen neuron or weight with its numbers; and all signals as a table.

const line = (...parts) =>
  html(
    "p",
    { class: "line" },
    parts.flat(Infinity).map((part) => (typeof part === "string" ? math(part) : part)),
  );
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
      html(
        "th",
        { scope: "row" },
        terms[n].what ? link(terms[n].what, terms[n].name) : terms[n].name,
      ),
      terms[n].factors.map((x) => html("td", {}, number(x))),
      html("td", {}, number(products[n], "term")),
    ),
  );
  if (rest) {
    const others = sum(products) - sum(shown.map((n) => products[n]));
    const all = showAll(`${rest} smaller terms: show all ${terms.length}`);
    body.push(
      html(
        "tr",
        {},
        html("th", { scope: "row", colspan: symbols.length + 1 }, all),
        html("td", {}, number(others)),
      ),
    );
  }
  return html(
    "div",
    { class: "scroll" },
    html(
      "table",
      {},
      html("caption", { class: "unseen" }, caption),
      html(
        "thead",
        {},
        html(
          "tr",
          {},
          html("th", { scope: "col" }, "term"),
          symbols.map((symbol) => html("th", { scope: "col" }, math(symbol))),
          html("th", { scope: "col" }, math(symbols.join(" · "))),
        ),
      ),
      html("tbody", {}, body),
      html(
        "tfoot",
        {},
        html(
          "tr",
          {},
          html("th", { scope: "row", colspan: symbols.length + 1 }, math(totalSymbol)),
          html("td", {}, number(total, totalName, true)),
        ),
      ),
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

/** A rule in the plain notation of explain, as it is printed here. */
const typeset = (rule) =>
  rule
    .replaceAll("`", "")
    .replaceAll(" * ", " ")
    .replaceAll("-", "−")
    .replace(/(\d)e(−?)\+?0*(\d+)/g, "$1 × 10^$2$3");

/** e_j of an output neuron. */
function workError(j) {
  const value = number(e(j), "e", true);
  if (DATA.sum_of_squares)
    return line("e_j = d_j − y_j = ", number(d(j), "d"), " − ", factor(y(L, j)), " = ", value);
  const rule = DATA.error_rules[j];
  const holds = /[<>]/.test(rule) ? " A comparison counts 1 where it holds." : "";
  return [
    DATA.has_desired[j] ? line("d_j = ", number(d(j), "d")) : [],
    rule ? line("e_j = −∂E/∂y_j = ", typeset(rule)) : [],
    line(rule ? "e_j = " : "e_j = −∂E/∂y_j = ", value),
    note(`The error signal of the loss ${LOSS}.${holds}`),
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
      note(
        "Each output of softmax depends on every v of its layer: ∂y/∂v is y (1 − y) for the " +
          "neuron itself, and minus the product of both outputs for another.",
      ),
    );
  }
  if (DATA.difference)
    parts.push(
      line("δ_j = d_j − y_j = ", number(d(j)), " − ", factor(y(L, j)), " = ", result),
      note(
        DATA.elementwise
          ? "What the product comes to, and is computed as."
          : `What ∑ e ∂y/∂v comes to: ${LOSS} and ${phi(L, j)} belong together.`,
      ),
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
    line(
      `δ_j = φ′_j(v_j) ${symbol} = `,
      factor(slope(m, j)),
      " × ",
      factor(back(m, j)),
      " = ",
      number(delta(m, j), "delta", true),
    ),
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
    return html(
      "tr",
      {},
      html("th", { scope: "row" }, link({ m, i, j }, entryName(m - 1, i))),
      html("td", {}, number(y(m - 1, i))),
      html("td", {}, number(change(m, i, j), "dw")),
    );
  });
  return [
    heading("Change of its weights"),
    line("∆w_ji = η δ_j y_i, η = ", number(eta(m), "eta"), ", δ_j = ", number(delta(m, j))),
    html(
      "div",
      { class: "scroll" },
      html(
        "table",
        {},
        html("caption", { class: "unseen" }, "Changes of the weights"),
        html(
          "thead",
          {},
          html(
            "tr",
            {},
            html("th", { scope: "col" }, "weight from"),
            html("th", { scope: "col" }, math("y_i")),
            html("th", { scope: "col" }, math("∆w_ji")),
          ),
        ),
        html("tbody", {}, rows),
      ),
    ),
    rest ? html("p", {}, showAll(`${rest} smaller changes: show all ${order.length}`)) : [],
  ];
}

function workNeuron({ m, j }) {
  const title = capital(fullName(m, j));
  if (m === 0)
    return [title, "", [line("y_i = x_i = ", number(y(0, j), "y", true))], python("y[0]", j)];
  const parts = [workForward(m, j)];
  if (hasError()) parts.push(heading("Backward"), workBackward(m, j), workChanges(m, j));
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
    heading(
      m === L ? "Local gradient of the output neuron" : "Local gradient of the hidden neuron",
    ),
    workBackward(m, j),
    heading("Change"),
    line("∆w_ji = −η ∂E/∂w_ji = η δ_j y_i"),
    isFixed(m, i, j) ? note("The mask keeps this weight as it is.") : [],
    line(
      "= ",
      number(eta(m), "eta"),
      " × ",
      factor(delta(m, j)),
      " × ",
      factor(y(m - 1, i)),
      " = ",
      number(change(m, i, j), "dw", true),
    ),
    workStep(m, i, j),
    line("Neuron: ", link({ m, j }, capital(fullName(m, j)))),
  );
  const expression = i === SIZES[m - 1] ? `db(${m - 1}, …)[${j}]` : `dw(${m - 1}, …)[${i}, ${j}]`;
  return [title, "", parts, python(expression)];
}

/** The weight after the step: as the rule has it, or as training recorded it. */
function workStep(m, i, j) {
  const before = w(m, i, j);
  const rule = change(m, i, j);
  if (state.flow === "samples")
    return line("w_ji + ∆w_ji = ", number(before + rule, "w_after", true));
  const after = wAt(row() + 1, m, i, j);
  const single = flow().W[m - 1].numbers instanceof Float32Array;
  const roundOff = (single ? 1e-6 : 1e-14) * Math.abs(before) + 1e-5 * Math.abs(rule);
  const isRule = Math.abs(after - before - rule) <= roundOff;
  const values = range(flow().n + 1).map((r) => wAt(r, m, i, j));
  return [
    line("after the step: w_ji = ", number(after, "w_after", true)),
    isRule
      ? []
      : line("changed by ", number(after - before), ": this solver, or its penalty, does more"),
    note("This weight over the steps:"),
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
      note(
        "Choose a neuron or a weight in the network: with the mouse, or with Tab, the arrow " +
          "keys and Enter.",
      ),
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
        html(
          "tr",
          { "data-row": keyOf({ m, j }) },
          html("th", { scope: "row" }, link({ m, j }, capital(fullName(m, j)))),
          cellOf(m && v(m, j), "v", m > 0),
          cellOf(y(m, j), "y"),
          cellOf(m && slope(m, j), "phi_prime", m > 0),
          hasError()
            ? [
                cellOf(m === L && d(j), "d", m === L && DATA.has_desired[j]),
                cellOf(m === L && e(j), "e", m === L),
                cellOf(m && delta(m, j), "delta", m > 0),
              ]
            : [],
        ),
      );
  const symbols = ["v", "y", "φ′(v)", ...(hasError() ? ["d", "e", "δ"] : [])];
  details.lastElementChild.replaceChildren(
    html(
      "table",
      {},
      html("caption", {}, `Signals of ${rowName()}`),
      html(
        "thead",
        {},
        html(
          "tr",
          {},
          html("th", { scope: "col" }, "Neuron"),
          symbols.map((symbol) => html("th", { scope: "col" }, math(symbol))),
        ),
      ),
      html("tbody", {}, rows),
    ),
  );
}
