"""The chain rule of one neuron or one weight, worked with the numbers of a trace.

What is said is put down once, as rows ``left = right`` in the plain notation of a derivation on
paper (``delta_j = e_j * phi_j'(v_j)``), and rendered as text, LaTeX or HTML. In that notation words
between backquotes stand upright, ``_`` begins an index, and ``dE/dy_j`` is a partial derivative.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

__all__ = ["RENDERERS", "Explanation", "explain_neuron"]

_MANY = 10  # terms of a sum, or changes of weights, that are all shown
_SHOWN = 8  # of more, the largest
_A_LINE = 3  # terms of a sum
_A_LATEX_LINE = 2
_LATEX_LINE = 48  # letters of an equation, or of a remark, that fit a printed line


class Explanation(str):
    """A worked chain rule: the text in the format that was asked for, and the others for notebooks.

    Attributes
    ----------
    text, latex, html : str

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, trace_signals
    >>> X, y = np.array([[1.0, 2.0]]), np.array([1.0])
    >>> net = BackpropRegressor((), solver="sgd", eta=0.1, random_state=0).partial_fit(X, y)
    >>> explanation = trace_signals(net, X, y).explain(weight="bias")
    >>> explanation == explanation.text, len(explanation.latex) > 100
    (True, True)
    """

    text: str = ""
    latex: str = ""
    html: str = ""

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str | None:
        """The HTML for notebooks; None if LaTeX was asked for, which they would pass over."""
        return None if self == self.latex else self.html

    def _repr_latex_(self) -> str:
        return self.latex


@dataclass
class _Row:
    """``left sign right``, and a remark; of a sum, the terms in the place of the right side."""

    left: str
    sign: str
    right: str
    note: str = ""
    terms: list[str] = field(default_factory=list)

    def in_lines(self, count: int) -> list[_Row]:
        """The row, a sum in rows of `count` terms."""
        starts = range(0, len(self.terms), count)
        sums = [" + ".join(self.terms[start : start + count]) for start in starts]
        if not sums:
            return [self]
        first = replace(self, right=sums[0], terms=[])
        return [first, *(_Row("", "+", terms) for terms in sums[1:])]


@dataclass
class _Part:
    title: str
    rows: list[_Row] = field(default_factory=list)

    def lines(self, count: int) -> list[_Row]:
        """The rows, sums in lines of `count` terms."""
        return [line for row in self.rows for line in row.in_lines(count)]

    def equate(self, left: str, *rights: str, note: str = "") -> None:
        """``left = right = right ...``, one below the other."""
        for k, right in enumerate(rights):
            self.rows.append(_Row("" if k else left, "=", right, "" if k else note))

    def add_sum(self, terms: list[str], rest: tuple[str, int] | None) -> None:
        """``= term + term ...``, and the rest in one number."""
        self.rows.append(_Row("", "=", "", terms=terms))
        if rest is not None:
            self.rows.append(_Row("", "+", rest[0], f"the other {rest[1]} terms"))


def explain_neuron(
    trace, sample: int, layer: int, neuron: int, weight: int | str | None, fmt: str, digits: int
) -> Explanation:
    """Explain what a neuron, or one of its weights, did in a sample, and how the rule changes it.

    Parameters
    ----------
    trace : SignalTrace
    sample, layer, neuron : int
        Not negative, and within the trace.
    weight : int, "bias" or None
        The signal that enters the weight; None is all.
    fmt : {"text", "latex", "html"}
    digits : int
        Significant digits.

    Returns
    -------
    Explanation
    """
    work = _Work(trace, sample, layer, neuron, digits)
    title, parts = work.title(weight), work.parts(weight)
    rendered = {name: render(title, parts) for name, render in RENDERERS.items()}
    explanation = Explanation(rendered[fmt])
    vars(explanation).update(rendered)
    return explanation


class _Work:
    """The numbers of one neuron in one sample, and what there is to say about them."""

    def __init__(self, trace, sample: int, layer: int, neuron: int, digits: int):
        self.trace, self.sample, self.layer, self.j = trace, sample, layer, neuron
        self.digits = digits
        self.is_output = layer == trace.n_layers - 1
        self.activation = trace.neuron_activation(layer, neuron).replace("`", "'")
        self.has_gains = layer == 0 and trace.gains is not None
        self.alone = not self.is_output or trace.elementwise  # y_j depends on v_j alone
        self.entering = np.concatenate([[1.0], trace.y[layer][sample]])
        self.w = np.concatenate(
            [trace.intercepts[layer][neuron : neuron + 1], trace.coefs[layer][:, neuron]]
        )
        self.v = trace.v[layer][sample, neuron]
        self.y = trace.y[layer + 1][sample, neuron]
        self.slope = trace.phi_prime[layer][sample, neuron]
        if trace.delta is not None:
            self.delta = trace.delta[layer][sample, neuron]

    # -- numbers -----------------------------------------------------------------------------

    def n(self, x) -> str:
        """A number."""
        return f"{float(x) + 0.0:.{self.digits}g}"

    def f(self, x) -> str:
        """A number that stands behind a sign."""
        return f"({self.n(x)})" if x < 0 else self.n(x)

    def product(self, *factors) -> str:
        """``a * b * c``."""
        return " * ".join(self.f(x) for x in factors)

    def terms(self, a: np.ndarray, b: np.ndarray) -> tuple[list[str], Any]:
        """``a * b`` of each pair; of many, the largest in their order and the rest summed."""
        values = np.multiply(a, b)
        if len(values) <= _MANY:
            return [self.product(*pair) for pair in zip(a, b, strict=True)], None
        shown = _largest(values)
        rest = float(np.delete(values, shown).sum())
        return [self.product(a[i], b[i]) for i in shown], (self.f(rest), len(values) - len(shown))

    # -- names -------------------------------------------------------------------------------

    def title(self, weight: int | str | None) -> str:
        trace = self.trace
        what = f"neuron {self.j} of layer {self.layer}"
        if self.is_output:
            name = trace.output_names[self.j]
            meaning = "" if name == f"output {self.j}" else f" ({name})"
            what = f"output neuron {self.j}{meaning}, layer {self.layer}"
        if weight is not None:
            what = f"weight from {self.source(self.index(weight))} to {what}"
        return f"{what[0].upper()}{what[1:]}, sample {self.sample}"

    def index(self, weight: int | str) -> int:
        """The place of the weight in `w`."""
        return 0 if isinstance(weight, str) else weight + 1

    def source(self, i: int) -> str:
        """The neuron or input that the signal of ``w[i]`` comes from."""
        if i == 0:
            return "the bias"
        if self.layer == 0:
            return f"input {self.trace.feature_names[i - 1]}"
        return f"neuron {i - 1} of layer {self.layer - 1}"

    # -- what is said ------------------------------------------------------------------------

    def parts(self, weight: int | str | None) -> list[_Part]:
        parts = [self.forward()]
        if self.trace.delta is None:
            return parts
        if self.is_output:
            parts += [self.error(), self.output_delta()]
        else:
            parts += [self.hidden_delta()]
        if weight is None:
            return [*parts, self.changes()]
        i = self.index(weight)
        parts += [self.chain(i), self.change(i)]
        return [*parts, self.gain(i - 1)] if i and self.has_gains else parts

    def forward(self) -> _Part:
        part = _Part("Forward")
        note = "from i = 0, the bias, with y_0 = 1"
        if self.has_gains:
            note += "; y_i is input i times its gain"
        part.equate("v_j", "sum_i w_ji * y_i", note=note)
        part.add_sum(*self.terms(self.w, self.entering))
        part.equate("", self.n(self.v))
        field = self.n(self.v) if self.alone else "v"
        part.equate("y_j", "phi_j(v_j)" if self.alone else "phi_j(v)")
        part.equate("", f"`{self.activation}`({field}){'' if self.alone else '_j'}", self.n(self.y))
        if self.alone:
            part.equate("phi_j'(v_j)", self.n(self.slope))
        else:
            part.equate("dy_j/dv_j", f"y_j * (1 - y_j) = {self.n(self.slope)}")
            part.rows[-1].note = "each y_j depends on the v_k of all outputs"
        return part

    def error(self) -> _Part:
        trace, part = self.trace, _Part("Error")
        if trace.has_desired[self.j]:
            part.equate("d_j", self.n(trace.d[self.sample, self.j]), note="desired")
        rule = trace.error_rules[self.j]
        rights = [] if trace.sum_of_squares else ["-dE/dy_j"]
        rights += [rule, self.filled_in(rule)] if rule else []
        part.equate("e_j", *rights, self.n(trace.e[self.sample, self.j]))
        if not trace.sum_of_squares:
            holds = "; a comparison counts 1 where it holds" if re.search("[<>]", rule) else ""
            start = len(part.rows) - len(rights) - 1
            part.rows[start].note = f"the slope of {trace.loss}{holds}"
        cost = "1/2 sum_k e_k^2 = " if trace.sum_of_squares else ""
        part.equate("E", f"{cost}{self.n(trace.E[self.sample])}", note="of all outputs")
        return part

    def filled_in(self, rule: str) -> str:
        """A rule in the signals of output neurons, with their numbers."""
        signals = {"d": self.trace.d, "y": self.trace.y[-1]}

        def number(match: re.Match) -> str:
            neuron = self.j if match[2] == "j" else int(match[2])
            x = signals[match[1]][self.sample, neuron]
            before, after = rule[: match.start()], rule[match.end() :]
            comes_first = not before or before.endswith("(")
            return self.n(x) if comes_first and not after.startswith("^") else self.f(x)

        return re.sub(r"\b([dy])_(j|\d+)\b", number, rule)

    def output_delta(self) -> _Part:
        trace, part = self.trace, _Part("Local gradient")
        if not np.isfinite(trace.e[self.sample]).all():
            part.equate("delta_j", "-dE/dv_j", note="an output has met its bound: e is not finite")
        elif self.alone:
            e = trace.e[self.sample, self.j]
            part.equate("delta_j", "e_j * phi_j'(v_j)", self.product(e, self.slope))
        elif self.activation == "softmax":
            self.softmax_delta(part)
        else:
            part.equate("delta_j", "sum_k e_k * dy_k/dv_j")
        if trace.fused and trace.difference:
            d = trace.d[self.sample, self.j]
            part.equate("", "d_j - y_j", f"{self.n(d)} - {self.f(self.y)}")
            part.rows[-2].note = "what it comes to, and is computed as"
        part.equate("", self.n(self.delta))
        if trace.fused and not trace.difference:
            part.rows[-1].note = "computed from v in one piece"
        return part

    def softmax_delta(self, part: _Part) -> None:
        e, y = self.trace.e[self.sample], self.trace.y[-1][self.sample]
        mean = float(e @ y)
        start = len(part.rows)
        part.add_sum(*self.terms(e, y))
        part.rows[start].left = "sum_k e_k * y_k"
        part.equate("", self.n(mean))
        part.equate(
            "delta_j", "y_j * (e_j - sum_k e_k * y_k)", note="the whole Jacobian of softmax"
        )
        part.equate("", f"{self.f(self.y)} * ({self.n(e[self.j])} - {self.f(mean)})")

    def hidden_delta(self) -> _Part:
        part = _Part("Local gradient")
        delta = self.trace.delta[self.layer + 1][self.sample]
        w = self.trace.coefs[self.layer + 1][self.j]
        part.equate("-dE/dy_j", "sum_k delta_k * w_kj", note="over the neurons k that j feeds")
        part.add_sum(*self.terms(delta, w))
        back = self.back()
        part.equate("", self.n(back))
        part.equate("delta_j", "phi_j'(v_j) * sum_k delta_k * w_kj")
        part.equate("", self.product(self.slope, back), self.n(self.delta))
        return part

    def back(self) -> float:
        """``sum_k delta_k w_kj``."""
        delta = self.trace.delta[self.layer + 1][self.sample]
        return float(delta @ self.trace.coefs[self.layer + 1][self.j])

    def chain(self, i: int) -> _Part:
        part, y = _Part("The chain rule"), self.entering[i]
        finite = not self.is_output or np.isfinite(self.trace.e[self.sample, self.j])
        if not self.alone or not finite:
            rows = ["dE/dv_j * dv_j/dw_ji", "-delta_j * y_i", self.product(-self.delta, y)]
        elif not self.is_output:
            back = self.back()
            rows = [
                "dE/dy_j * dy_j/dv_j * dv_j/dw_ji",
                "-(sum_k delta_k * w_kj) * phi_j'(v_j) * y_i",
                self.product(-back, self.slope, y),
            ]
        else:
            e = self.trace.e[self.sample, self.j]
            if self.trace.sum_of_squares:
                rows = [
                    "dE/de_j * de_j/dy_j * dy_j/dv_j * dv_j/dw_ji",
                    "e_j * (-1) * phi_j'(v_j) * y_i",
                    self.product(e, -1, self.slope, y),
                ]
            else:
                rows = [
                    "dE/dy_j * dy_j/dv_j * dv_j/dw_ji",
                    "-e_j * phi_j'(v_j) * y_i",
                    self.product(-e, self.slope, y),
                ]
        part.equate("dE/dw_ji", *rows, self.n(-self.delta * y))
        return part

    def change(self, i: int) -> _Part:
        part = _Part("The change of the weight")
        change, eta = self.dw()[i], self.eta(i)
        part.equate("Dw_ji", "-eta * dE/dw_ji", "eta * delta_j * y_i")
        if self.is_fixed(i):
            part.equate("", self.n(change), note="the mask keeps this weight as it is")
        else:
            part.equate("", self.product(eta, self.delta, self.entering[i]), self.n(change))
        part.equate("w_ji + Dw_ji", f"{self.n(self.w[i])} + {self.f(change)}")
        part.equate("", self.n(self.w[i] + change))
        return part

    def gain(self, i: int) -> _Part:
        """The gain of an input, and how the rule changes it, by way of all its weights."""
        trace, part = self.trace, _Part("The gain of the input")
        gain, x = trace.gains[i], trace.x[self.sample, i]
        delta, w = trace.delta[0][self.sample], trace.coefs[0][i]
        part.equate("y_i", "g_i * x_i", self.product(gain, x), self.n(gain * x))
        part.rows[0].note = "g_i, the gain of input i"
        part.equate("-dE/dy_i", "sum_j delta_j * w_ji", note="over the neurons j that i feeds")
        part.add_sum(*self.terms(delta, w))
        back, change = float(delta @ w), trace.dgain(self.sample)[i]
        part.equate("", self.n(back))
        part.equate("Dg_i", "-eta * dE/dg_i", "eta * x_i * sum_j delta_j * w_ji")
        part.equate("", self.product(trace.eta_gains, x, back), self.n(change))
        part.equate("g_i + Dg_i", f"{self.n(gain)} + {self.f(change)}")
        part.equate("", self.n(gain + change))
        return part

    def changes(self) -> _Part:
        part = _Part("The change of each weight")
        change, eta = self.dw(), self.eta(1)
        part.equate("Dw_ji", "eta * delta_j * y_i", note=f"eta = {self.n(eta)}")
        if self.eta(0) != eta:
            part.rows[0].note += f", {self.n(self.eta(0))} for the bias"
        shown = range(len(change)) if len(change) <= _MANY else _largest(change)
        for i in shown:
            if self.is_fixed(i):
                right = self.n(change[i])
            else:
                worked = self.product(self.eta(i), self.delta, self.entering[i])
                right = f"{worked} = {self.n(change[i])}"
            fixed = ", kept as it is by the mask" if self.is_fixed(i) else ""
            part.rows.append(_Row("", "=", right, f"{self.source(i)}{fixed}"))
        if len(change) > len(shown):
            part.rows[0].note += f"; the {len(shown)} largest of {len(change)}"
        return part

    def eta(self, i: int) -> float:
        """The learning rate of ``w[i]``."""
        return (self.trace.eta if i else self.trace.eta_biases)[self.layer]

    def dw(self) -> np.ndarray:
        """The changes of `w`."""
        db, dw = (getattr(self.trace, name)(self.layer, self.sample) for name in ("db", "dw"))
        return np.concatenate([db[self.j : self.j + 1], dw[:, self.j]])

    def is_fixed(self, i: int) -> bool:
        """Whether the mask keeps ``w[i]``."""
        learns = self.trace.learns
        return learns is not None and i > 0 and not learns[self.layer][i - 1, self.j]


def _largest(values: np.ndarray) -> list[int]:
    """The places of the few largest, in order."""
    return sorted(np.argsort(-np.abs(values), kind="stable")[:_SHOWN].tolist())


# -- rendering -------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"`(?P<word>[^`]*)`"
    r"|d(?P<of>[A-Za-z])(?P<of_index>_\w+)?/d(?P<by>[A-Za-z])(?P<by_index>_\w+)?"
    r"|(?P<number>\d+(?:\.\d*)?(?:e[+-]?\d+)?|inf|nan)"
    r"|(?P<name>[A-Za-z]+)(?P<prime0>'?)(?P<index>_\w+)?(?P<prime>'?)"
    r"|(?P<power>\^-?[\d.]+)|(?P<compare>[<>])|(?P<lone_index>_\w+)|(?P<times>\s\*\s)"
)


def _translate(equation: str, render: Callable[[dict[str, str]], str]) -> str:
    """The notation's tokens rendered, what is between them as it is."""
    return _TOKEN.sub(lambda token: render(token.groupdict(default="")), equation)


def _as_text(title: str, parts: list[_Part]) -> str:
    lines = [title]
    for part in parts:
        lines += ["", part.title]
        width = max(len(row.left) for row in part.rows)
        for row in part.lines(_A_LINE):
            note = f"    ({row.note})" if row.note else ""
            lines.append(f"  {row.left:<{width}} {row.sign} {row.right.replace('`', '')}{note}")
    return "\n".join(lines)


_LATEX = {
    **{name: rf"\{name}" for name in ("delta", "eta", "sum")},
    **{"phi": r"\varphi", "Dw": r"\Delta w", "Dg": r"\Delta g"},
}
_OPERATOR = re.compile(r" (?=[-+*/=] )(?=[^`]*(?:`[^`]*`[^`]*)*$)")  # outside of names
_LATEX_CHARACTERS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{character: f"\\{character}" for character in "{}$&#_%"},
}


def _latex_plain(text: str) -> str:
    text = " ".join(text.split())  # an empty line would end the formula
    return "".join(_LATEX_CHARACTERS.get(character, character) for character in text)


def _latex_index(index: str) -> str:
    return f"_{{{index[1:]}}}" if index else ""


def _latex_token(token: dict[str, str]) -> str:
    if token["word"]:
        return rf"\mathrm{{{_latex_plain(token['word'])}}}"
    if token["of"]:
        of, by = (token[k] + _latex_index(token[f"{k}_index"]) for k in ("of", "by"))
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"
    if token["number"]:
        mantissa, _, exponent = token["number"].partition("e")
        if mantissa in ("inf", "nan"):
            return r"\infty" if mantissa == "inf" else r"\mathrm{nan}"
        return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa
    if token["name"]:
        name = _LATEX.get(token["name"], token["name"])
        return name + _latex_index(token["index"]) + token["prime0"] + token["prime"]
    if token["power"]:
        return f"^{{{token['power'][1:]}}}"
    return token["compare"] or _latex_index(token["lone_index"]) or r" \cdot "


def _printed(equation: str) -> int:
    """Letters of an equation as wide as it is printed, about: those of a power of ten are more."""
    return len(equation.replace(" ", "")) + 3 * len(re.findall(r"\de[-+]", equation))


def _latex_rows(row: _Row) -> list[_Row]:
    """What a printed line is too short for in several, broken before operators."""
    rows = [replace(row, right="")]
    for piece in _OPERATOR.split(row.right):
        if rows[-1].right and _printed(rows[-1].right + piece) > _LATEX_LINE:
            sign, _, piece = piece.partition(" ")
            rows.append(_Row("", sign, ""))
        rows[-1].right += f" {piece}" if rows[-1].right else piece
    return rows


def _latex_note(note: str) -> list[str]:
    """A remark, in lines below its equation."""
    lines = textwrap.wrap(f"({note})", _LATEX_LINE, break_on_hyphens=False) if note else []
    return [rf"& & \mbox{{{_latex_plain(line)}}} \\" for line in lines]


def _as_latex(title: str, parts: list[_Part]) -> str:
    lines = [_latex_plain(title)]
    for part in parts:
        lines += ["", part.title, r"\[", r"\begin{array}{rcl}"]
        for row in part.lines(_A_LATEX_LINE):
            for piece in _latex_rows(row):
                left, right = (_translate(side, _latex_token) for side in (piece.left, piece.right))
                sign = r"\cdot" if piece.sign == "*" else piece.sign
                lines.append(rf"{left} & {sign} & {right} \\")
            lines += _latex_note(row.note)
        lines += [r"\end{array}", r"\]"]
    return "\n".join(lines)


_HTML = {"delta": "δ", "eta": "η", "phi": "φ", "Dw": "Δw", "Dg": "Δg"}


def _html_index(index: str) -> str:
    return f"<sub>{index[1:]}</sub>" if index else ""


def _html_token(token: dict[str, str]) -> str:
    if token["word"]:
        return html.escape(token["word"])
    if token["of"]:
        of, by = (f"∂<i>{token[k]}</i>{_html_index(token[f'{k}_index'])}" for k in ("of", "by"))
        return f"{of}/{by}"
    if token["number"]:
        return token["number"]
    if token["name"] == "sum":
        return f"Σ{_html_index(token['index'])}"
    if token["name"]:
        name = _HTML.get(token["name"], token["name"])
        prime = "′" if token["prime0"] or token["prime"] else ""
        return f"<i>{name}</i>{_html_index(token['index'])}{prime}"
    if token["power"]:
        return f"<sup>{token['power'][1:]}</sup>"
    if token["compare"]:
        return html.escape(token["compare"])
    return _html_index(token["lone_index"]) or " · "


def _as_html(title: str, parts: list[_Part]) -> str:
    lines = ['<div class="skbackprop-explanation">', f"<h3>{html.escape(title)}</h3>"]
    for part in parts:
        lines += [f"<h4>{part.title}</h4>", "<table>"]
        for row in part.lines(_A_LINE):
            left, right = (_translate(side, _html_token) for side in (row.left, row.right))
            note = html.escape(row.note)
            cells = [left, row.sign, right, note]
            lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        lines.append("</table>")
    return "\n".join([*lines, "</div>"])


RENDERERS: dict[str, Callable[[str, list[_Part]], str]] = {
    "text": _as_text,
    "latex": _as_latex,
    "html": _as_html,
}
