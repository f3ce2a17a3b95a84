"""What `explain` says: the numbers of the worked step, and three formats of the same."""

import pickle
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from heads import HEADS, X, make
from worked_step import ETA, D, start
from worked_step import X as ROW

from skbackprop import Activation, BackpropRegressor, Huber, Loss, Mixed, trace_signals

# As the derivation publishes them.
FORWARD = {0: ["0.3", "0.574442516812"], 1: ["0.2", "0.549833997312"]}
OUTPUT = ["0.340218288032", "0.584243546733", "0.415756453267", "0.0864267142164",
          "0.100988500093", "0.0504942500463", "0.0290060440811", "0.0277634553443"]  # fmt: skip
BACKWARD = {
    0: ["-0.0148124869397", "-0.00740624346985"],
    1: ["0.0174974291984", "0.00874871459918"],
}
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@pytest.fixture
def worked():
    coefs, intercepts = start()
    model = BackpropRegressor(
        (2,), activation="logistic", output_activation="logistic", solver="sgd", eta=ETA
    )
    given = {"coef_init": coefs, "intercept_init": intercepts}
    model.partial_fit([ROW], [D], sample_weight=[0.0], **given)
    return trace_signals(model, [ROW], [D])


def trace_of(head, **settings):
    model, d = make(head, **settings)
    return trace_signals(model, X, d)


def rounded(numbers, digits):
    return {f"{float(number):.{digits}g}" for number in numbers}


@pytest.mark.parametrize("digits", [12, 6])
def test_every_number_of_the_worked_step_appears(worked, digits):
    said = set(NUMBER.findall(worked.explain(digits=digits)))
    assert rounded([*OUTPUT, *FORWARD[0][1:], *FORWARD[1][1:], "-0.6", "0.7"], digits) <= said
    for j in (0, 1):
        said = set(NUMBER.findall(worked.explain(layer=0, neuron=j, digits=digits)))
        assert rounded([*FORWARD[j], *BACKWARD[j], OUTPUT[4], "0", "0.5"], digits) <= said


def test_the_chain_rule_of_one_weight(worked):
    text = worked.explain(weight=1)
    assert "dE/de_j * de_j/dy_j * dy_j/dv_j * dv_j/dw_ji" in text
    assert "0.415756 * (-1) * 0.242903 * 0.549834" in text and "= -0.0555269" in text
    assert "0.5 * 0.100989 * 0.549834" in text and "= 0.0277635" in text
    assert "0.7 + 0.0277635" in text and "= 0.727763" in text
    hidden = worked.explain(0, 0, 0, "bias")
    assert "0.100989 * (-0.6)" in hidden and "0.244458 * (-0.0605931)" in hidden
    assert "0.5 * (-0.0148125) * 1" in hidden and "= -0.00740624" in hidden
    assert hidden.startswith("Weight from the bias to neuron 0 of layer 0, sample 0")


@pytest.mark.parametrize("head", HEADS, ids=repr)
@pytest.mark.parametrize("weight", [None, "bias", 1])
def test_every_loss_is_explained_by_its_own_numbers(head, weight):
    trace = trace_of(head)
    for layer, neuron in ((2, trace.sizes[-1] - 1), (1, 2), (0, 3)):
        said = set(NUMBER.findall(trace.explain(4, layer, neuron, weight, digits=9)))
        place = layer + 1
        numbers = [trace.v[layer][4, neuron], trace.y[place][4, neuron],
                   trace.phi_prime[layer][4, neuron], trace.delta[layer][4, neuron]]  # fmt: skip
        if layer == 2:
            numbers += [trace.d[4, neuron], trace.e[4, neuron], trace.E[4]]
        else:
            numbers += trace.delta[place][4].tolist() + trace.coefs[place][neuron].tolist()
            numbers += [trace.delta[place][4] @ trace.coefs[place][neuron]]
        change = [trace.db(layer, 4)[neuron], *trace.dw(layer, 4)[:, neuron]]
        if weight is None:
            numbers += change
        else:
            numbers += [change[0 if weight == "bias" else weight + 1]]
        assert rounded(numbers, 9) - {"-0"} <= said


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_the_error_signal_is_written_down_as_it_is_computed(head):
    """Two ways to the same numbers: the rule that is shown, and what the loss computes."""
    trace = trace_of(head)
    functions = {"sign": np.sign, "clip": np.clip, "tanh": np.tanh, "log": np.log}
    for j, rule in enumerate(trace.error_rules):
        signals = {f"{name}_{k}": a[:, k] for name, a in (("d", trace.d), ("y", trace.y[-1]))
                   for k in range(trace.sizes[-1])}  # fmt: skip
        signals |= {"d_j": trace.d[:, j], "y_j": trace.y[-1][:, j]}
        worked = eval(rule.replace("^", "**").replace("`", ""), functions, signals)
        np.testing.assert_allclose(worked, trace.e[:, j], rtol=1e-9, atol=1e-12)
        for sample in range(4):
            text = trace.explain(sample, -1, j, digits=12)
            lines = [line.strip("= ") for line in text.splitlines()]
            place = next(k for k, line in enumerate(lines) if line.endswith(rule.replace("`", "")))
            filled_in = lines[place + 1].replace("^", "**")
            worked = eval(filled_in, functions) - trace.e[sample, j]
            assert abs(worked) < 1e-9 * max(1.0, abs(trace.e[sample, j]))


def test_a_variance_has_no_desired_output():
    trace = trace_of(("gaussian_nll", "several", None))
    assert trace.has_desired == [True, True, False, False]
    for neuron, has in enumerate(trace.has_desired):
        for fmt, sign in (("text", "d_j = "), ("latex", "d_{j} & = &"), ("html", "<i>d</i><sub>j")):
            text = trace.explain(2, -1, neuron, fmt=fmt)
            assert ("desired" in text) == has and (has or sign not in text)


def test_the_rule_of_another_loss_is_not_shown():
    class Doubled(Huber):
        def value(self, d, y, v):
            return 2.0 * super().value(d, y, v)

        def error(self, d, y):
            return 2.0 * super().error(d, y)

    class Named(Doubled):
        def error_rule(self, j, n_units):
            return "2 * `clip`(d_j - y_j, -1, 1)"

    for loss, rule in ((Doubled(), ""), (Named(), "2 * `clip`(d_j - y_j, -1, 1)")):
        model = BackpropRegressor((2,), loss=loss, solver="sgd", random_state=0)
        trace = trace_signals(model.partial_fit(X[:3], X[:3, 0]), X[:3], X[:3, 0])
        assert trace.error_rules == [rule] and "= clip" not in trace.explain()


def test_a_loss_that_does_not_say_gives_the_number():
    class Doubled(Loss):
        def value(self, d, y, v):
            return ((d - y) ** 2).sum(axis=1)

        def error(self, d, y):
            return 2.0 * (d - y)

    model = BackpropRegressor((2,), loss=Doubled(), solver="sgd", random_state=0)
    trace = trace_signals(model.partial_fit(X[:3], X[:3, 0]), X[:3], X[:3, 0])
    assert trace.error_rules == [""]
    number = re.escape(f"{trace.e[0, 0]:.6g}")
    assert re.search(rf"e_j = -dE/dy_j    \(the slope of .*\)\n +(= {number})\n", trace.explain())


def test_the_fused_case():
    text = trace_of(("cross_entropy", "multiclass", None)).explain(1)
    assert "y_j * (e_j - sum_k e_k * y_k)" in text and "the whole Jacobian of softmax" in text
    assert "d_j - y_j    (what it comes to, and is computed as)" in text
    assert "in one piece" in trace_of(("gamma", "positive", None)).explain()
    plain = trace_of(("squared_error", "multiclass", "softmax")).explain()
    assert "the whole Jacobian" in plain and "what it comes to" not in plain
    logistic = trace_of(("cross_entropy", "binary", None)).explain(weight=0)
    assert "e_j * phi_j'(v_j)" in logistic and "-e_j * phi_j'(v_j) * y_i" in logistic


def test_masks_and_mixed_layers():
    mask = [np.array([[1, 0, 1, 1]] * 3), None, None]
    hidden = [Mixed(["tanh", "sin", "relu", "tanh"]), "tanh"]
    trace = trace_of(HEADS[0], hidden=hidden, mask=mask)
    text = trace.explain(layer=0, neuron=1)
    assert text.count("kept as it is by the mask") == 3 and "sin(" in text
    assert "the mask keeps this weight" in trace.explain(layer=0, neuron=1, weight=2)


def test_long_sums_are_abbreviated():
    rng = np.random.default_rng(0)
    rows, d = rng.normal(size=(5, 200)), rng.normal(size=(5, 150))
    model = BackpropRegressor((300,), solver="sgd", random_state=0).partial_fit(rows, d)
    trace = trace_signals(model, rows, d)
    text = trace.explain(layer=0, digits=12)
    assert len(text.splitlines()) < 45
    assert "the other 142 terms" in text and "the other 193 terms" in text  # 150 k; 201 i
    assert "the 8 largest of 201" in text
    block = text[text.index("sum_k delta_k * w_kj") :].split("\n  delta_j")[0]
    block = re.sub(r"\(the other .*\)|\(over .*\)", "", block)
    lines = [line.split(None, 1)[1] for line in block.splitlines()[1:]]
    total = eval(" + ".join(lines[:-1]))  # what is shown adds up to what is said
    assert total == pytest.approx(float(lines[-1]), rel=1e-9)
    assert total == pytest.approx(trace.delta[1][0] @ trace.coefs[1][0], rel=1e-9)


# -- formats ---------------------------------------------------------------------------------------


class Balance(HTMLParser):
    """Collects text, and fails on tags that do not close."""

    def __init__(self):
        super().__init__()
        self.open, self.words = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


STRANGE = ["a_b&%$#{}\\~^<b>", "é", "z\n\n|>"]


@pytest.mark.parametrize("weight", [None, "bias", 2])
@pytest.mark.parametrize("head", [HEADS[0], HEADS[2], HEADS[18], HEADS[10]], ids=repr)
def test_latex_and_html_are_well_formed_and_hold_the_same_numbers(head, weight):
    trace = trace_of(head)
    trace = replace(trace, feature_names=STRANGE, output_names=["<i>&_"] * trace.sizes[-1])
    for layer in (0, 1, 2):
        text, latex, html = (
            trace.explain(2, layer, 0, weight, fmt) for fmt in ("text", "latex", "html")
        )
        numbers = set(NUMBER.findall(text))
        assert latex.count(r"\[") == latex.count(r"\]") == html.count("<table>")
        assert latex.count(r"\begin{array}") == latex.count(r"\end{array}")
        bare = re.sub(r"\\[{}\\&%$#_]", "", latex)
        assert bare.count("{") == bare.count("}") and not re.search(r"[%$#]", bare)
        for row in re.findall(r"^.*\\\\$", latex, re.M):
            assert re.sub(r"\\&", "", row).count("&") == 2
        assert "`" not in text + latex + html
        power = re.compile(r" \\times 10\^\{(-?)(\d+)\}")
        spelled = power.sub(lambda m: f"e{m[1] or '+'}{m[2]:0>2}", latex)
        assert numbers <= set(NUMBER.findall(spelled))
        parser = Balance()
        parser.feed(html)
        parser.close()
        assert not parser.open
        assert numbers <= set(NUMBER.findall(" ".join(parser.words)))
        assert "<i>&_" not in html and "<b>" not in html
        assert not re.search(r"[<>|]", re.sub(r"\\[a-z]+", "", latex))
        for block in re.findall(r"\\\[.*?\\\]", latex, re.S):
            assert "\n\n" not in block


# Widths of Computer Modern at 10 pt, in points; operators with the space around them.
WIDTHS = {r"\cdot": 7.2, r"\times": 12.2, r"\sum": 12.2, r"\delta": 4.9, r"\eta": 5.3,
          r"\varphi": 6.5, r"\Delta": 8.3, r"\infty": 10.0, "+": 12.2, "-": 12.2, "=": 13.3,
          "<": 13.3, ">": 13.3, "(-": 11.7, "(": 3.9, ")": 3.9, ".": 2.8, ",": 4.5, "'": 2.8,
          " ": 0.0}  # fmt: skip


def printed(cell):
    """How wide a cell of the array is printed, about, in points."""
    word = r"\\m(?:box|athrm)\{((?:\\.|[^}])*)\}"
    words = sum(4.8 * len(letters) for letters in re.findall(word, cell))
    cell = re.sub(word, "", cell)
    fractions = 16.0 * cell.count(r"\frac")
    cell = re.sub(r"\\frac(\{[^{}]*(\{[^}]*\})?\}){2}", "", cell)
    small = sum(4.0 * len(index) for index in re.findall(r"[_^]\{([^}]*)\}", cell))
    cell = re.sub(r"[_^]\{[^}]*\}", "", cell)
    tokens = re.findall(r"\\[A-Za-z]+|\(-|.", cell)
    return words + fractions + small + sum(WIDTHS.get(token, 5.2) for token in tokens)


@pytest.mark.parametrize("head", HEADS, ids=repr)
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_latex_fits_the_page(head, scale):
    rng = np.random.default_rng(0)
    model, d = make(head)
    W = [scale * rng.normal(size=W.shape) for W in model.coefs_]
    model.coefs_ = [-abs(W[0]), W[1], W[2]]
    trace = trace_signals(model, X, d)
    trace = replace(trace, feature_names=["od280/od315_of_diluted_wines", "a word " * 20, "x"])
    for layer, weight in ((0, None), (0, 0), (1, None), (2, None), (2, "bias"), (2, 1)):
        latex = trace.explain(1, layer, -1, weight, "latex")
        blocks = re.findall(r"\\begin\{array\}\{rcl\}\n(.*?)\\end", latex, re.S)
        assert len(blocks) == latex.count(r"\[") > 2
        for block in blocks:
            rows = [re.split(r"(?<!\\)&", row[:-3]) for row in block.splitlines()]
            columns = [max(map(printed, column)) for column in zip(*rows, strict=True)]
            assert sum(columns) + 6 * 5.0 < 345.0, block  # a column has 5 pt on either side


def test_the_name_of_an_activation_stays_a_name():
    name = "`<b>`<i>_x^2"
    own = Activation(np.tanh, lambda v, y: 1 - y * y, name=name)
    model = BackpropRegressor((2,), activation=own, solver="sgd", random_state=0)
    trace = trace_signals(model.partial_fit(X[:3], X[:3, 0]), X[:3], X[:3, 0])
    text, html = (trace.explain(layer=0, fmt=fmt) for fmt in ("text", "html"))
    assert f"= {name.replace('`', chr(39))}({trace.v[0][0, 0]:.6g})" in text
    assert "<b>" not in html and "&lt;b&gt;&#x27;&lt;i&gt;_x^2(" in html


def test_notebooks_show_it(worked):
    text = worked.explain()
    assert isinstance(text, str) and repr(text) == str(text)
    assert text._repr_html_() == worked.explain(fmt="html")
    assert text._repr_latex_() == worked.explain(fmt="latex")
    assert worked.explain(fmt="latex")._repr_html_() is None
    assert pickle.loads(pickle.dumps(text)).latex == text.latex


def test_bad_requests(worked):
    with pytest.raises(ValueError, match="fmt is 'pdf'; it must be one of text, latex, html"):
        worked.explain(fmt="pdf")
    with pytest.raises(ValueError, match="weight is 'x0'; it must be None"):
        worked.explain(weight="x0")
    with pytest.raises(TypeError, match="weight is 0.5"):
        worked.explain(weight=0.5)
    for fmt in (["text"], None, np.array(["text", "latex"])):
        with pytest.raises(ValueError, match="fmt is .*; it must be one of text, latex, html"):
            worked.explain(fmt=fmt)
    for digits in (0, -1, 18, np.int64(-18)):
        with pytest.raises(ValueError, match=r"digits is .*\d.*; it must be from 1 to 17\."):
            worked.explain(digits=digits)
    for digits in (2.0, "6", True):
        with pytest.raises(TypeError, match="digits is .*; it must be a whole number"):
            worked.explain(digits=digits)
