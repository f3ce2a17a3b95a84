// The controls: rows, stages, the player of recorded training, the theme.

const POINTS = 1000; // of a chart

/** A line of values with a mark at the current one; of very many, the largest of each stretch. */
function chart(all, current, label) {
  const stretch = Math.ceil(all.length / POINTS);
  const values = range(Math.ceil(all.length / stretch)).map((p) =>
    all.slice(p * stretch, (p + 1) * stretch).reduce((a, b) => (b > a ? b : a)),
  );
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const n = Math.max(1, values.length - 1);
  const height = (x) => (high > low ? 32 - (30 * (x - low)) / (high - low) : 17);
  const points = values.map((x, r) =>
    Number.isFinite(x) ? `${(100 * r) / n} ${height(x)}` : null,
  );
  const path = points.map((point, r) =>
    point === null ? "" : `${r > 0 && points[r - 1] !== null ? "L" : "M"}${point}`,
  );
  const here = (100 * current) / Math.max(1, all.length - 1);
  return svg(
    "svg",
    {
      viewBox: "0 0 100 34",
      preserveAspectRatio: "none",
      role: "img",
      class: "chart",
      "aria-label": `${label}: from ${text(low)} to ${text(high)}`,
    },
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
    return [
      "v_j = ∑_i w_ji y_i,   y_j = φ_j(v_j)",
      `Forward flow: each neuron of ${layer} adds up what its weights bring, and its ` +
        `activation turns the sum into its output.${hasError() || now.m < L ? "" : WITHOUT_Y}`,
    ];
  if (now.kind === "error")
    return DATA.sum_of_squares
      ? [
          "e_j = d_j − y_j,   E = ½ ∑_j e_j²",
          "Desired minus actual output, and what the error of this row costs.",
        ]
      : ["e_j = −∂E/∂y_j", `How the cost of this row, the ${LOSS}, falls with each output.`];
  if (now.kind === "change")
    return [
      "∆w_ji = η δ_j y_i",
      "The same for every weight: the local gradient of the neuron it leads to, times the signal " +
        "that enters it. The network shows the changes.",
    ];
  if (now.m < L)
    return [
      "δ_j = φ′_j(v_j) ∑_k δ_k w_kj",
      `Backward flow: the local gradients of the next layer come back to ${layer} through ` +
        "the weights as they were before this step's change.",
    ];
  const rule = DATA.elementwise ? "e_j φ′_j(v_j)" : "∑_k e_k ∂y_k/∂v_j";
  const slopes = DATA.elementwise ? "slope of the activation" : `slopes of ${kind(L)}`;
  return [
    `δ_j = −∂E/∂v_j = ${rule}${DATA.difference ? " = d_j − y_j" : ""}`,
    `The backward flow begins: the error, times the ${slopes}. ${
      DATA.difference
        ? "This loss and this output activation belong together: it comes to the plain difference."
        : ""
    }`,
  ];
}

function updateCaption() {
  const now = stage();
  const [rule, sentence] = explanation(now);
  const names = {
    input: "Inputs",
    forward: "Forward",
    error: "Error",
    backward: "Backward",
    change: "Changes",
  };
  const where = now.kind === "forward" || now.kind === "backward" ? `, ${layerName(now.m)}` : "";
  byId("stage-title").textContent = names[now.kind] + where;
  byId("stage-rule").replaceChildren(math(rule));
  byId("stage-text").textContent = sentence;
  byId("summary").textContent = summary();
  byId("legend").replaceChildren(
    now.kind === "change" ? "Edges: change ∆w. " : "Edges: weight w. ",
    signSample("sign"),
    " positive, ",
    signSample("sign sign-negative"),
    " negative (dashed), ",
    signSample("sign sign-zero"),
    " zero (grey); width by size within a layer. ",
    hasError() ? "In a card: above v → y, below δ ← φ′." : "",
  );
}

/** The network in a line, with the learning rate of the row that is shown. */
function summary() {
  const distinct = (values) => [...new Set(values)].join(", ");
  const rates = range(L, 1).map((m) => +eta(m).toPrecision(4));
  const kinds = range(L, 1).map(kind).join(", ");
  return `${SIZES.join("–")} network · ${kinds} · loss ${LOSS} · η = ${distinct(rates)}`;
}

const signSample = (name) =>
  svg(
    "svg",
    { viewBox: "0 0 40 10", "aria-hidden": "true" },
    svg("line", { class: name, x1: 0, x2: 40, y1: 5, y2: 5 }),
  );

function updateControls() {
  const { n } = flow();
  const training = state.flow === "training";
  byId("row-label").textContent = training ? "Training step" : "Sample";
  byId("row-note").textContent = training
    ? `of ${n}; it presents row ${flow().row.at(row())}`
    : `of ${n} (first is 0)`;
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
      ? [
          html("span", { class: "note", "aria-hidden": "true" }, math("E")),
          chart([...flow().E.numbers], row(), `Cost E of each ${training ? "step" : "sample"}`),
        ]
      : []),
  );
}

function buildStages() {
  const radios = stages().map(({ kind: what, m, label }, s) => {
    const spoken =
      what === "forward" || what === "backward" ? `${capital(what)}, ${layerName(m)}` : label;
    const onchange = () => go(s);
    return html(
      "label",
      {},
      html("input", { type: "radio", name: "stage", value: s, "aria-label": spoken, onchange }),
      html("span", { "aria-hidden": "true" }, label),
    );
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
    for (const j of few(now.m))
      numbers.push(`${fullName(now.m, j)} delta ${text(delta(now.m, j))}`);
  say(
    `${capital(rowName())}. Stage ${state.stage + 1} of ${stages().length}, ` +
      `${byId("stage-title").textContent}. ${numbers.join("; ")}`,
  );
}

/** Bring everything up to date. */
function show() {
  updateControls();
  updateCaption();
  updateNetwork();
  updateWorked();
  updateTable();
}

/** From where to where the stage takes place: a column, and the lines by which signals reach it. */
function span() {
  const { kind: what, m } = stage();
  const { x, width } = extras.plan;
  if (what === "input") return [0, x[0].right];
  if (what === "forward") return [x[m - 1].right, x[m].right];
  if (what === "error") return [x[L].right, width];
  if (what === "backward") return [x[m].left, m < L ? x[m + 1].left : width];
  return [0, width];
}

/** Follow the flow where the network is wider than the screen. */
function follow() {
  const figure = byId("figure");
  const scale = network.getBoundingClientRect().width / extras.plan.width;
  const [from, to] = span();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  figure.scrollTo({
    left: (scale * (from + to) - figure.clientWidth) / 2,
    behavior: calm ? "instant" : "smooth",
  });
}

/** Say, and show by fading edges, where a network goes on that is wider than the screen. */
function hint() {
  const figure = byId("figure");
  const left = figure.scrollLeft > 1;
  const right = figure.scrollLeft < figure.scrollWidth - figure.clientWidth - 1;
  figure.classList.toggle("goes-on-left", left);
  figure.classList.toggle("goes-on-right", right);
  byId("goes-on").hidden = !left && !right;
  const arrows = [left ? "← " : "", right ? " →" : ""];
  byId("goes-on").textContent = arrows.join("scroll for more of the network");
}

function go(s) {
  state.stage = clamp(s, 0, stages().length - 1);
  show();
  follow();
  announce();
}

function goRow(r, quiet = false) {
  if (Number.isInteger(r)) state.row[state.flow] = clamp(r, 0, flow().n - 1);
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
  byId("figure").addEventListener("scroll", hint);
  new ResizeObserver(hint).observe(byId("figure"));
  new ResizeObserver(hint).observe(network);
  updateTheme();
  buildStages();
  build();
  show();
}

start();
