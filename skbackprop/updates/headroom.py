"""The criterion by which an update is made, or refused before it is applied.

An update is made without more ado where no number of it comes near overflow::

    (|g|^2 s^2 + |w|^2 + sum |v|^2 + |E| + |y|^2) HEADROOM  is finite,    s = max(eta, 1),

with the correction ``g = -dE/dw``, the weights w before the change, the induced local fields v, the
cost E of the rows, and the outputs y of the network, all in the dtype of the weights. Why this one
number is enough: let ``M`` be the sum in brackets, ``L`` the largest finite number, and
``H = HEADROOM``, so that ``M <= L / H``.

- *Nothing is infinite or NaN already.* A sum of squares is finite only if all its terms are. The
  correction of a bias is the sum of its neuron's delta, because its signal is ``y_0 = 1``: so a
  delta that is not finite shows in g, as does a y in the corrections of the weights it enters.
- *Outputs and costs add up.* The outputs of the hidden neurons enter a layer and so a correction;
  those of the network need not: the gamma deviance, whose delta is ``d exp(-v) - 1``, has a finite
  one where ``y = exp(v)`` is infinite. And H costs have a finite sum.
- *The step is finite.* ``|eta g_k| <= s |g| <= sqrt(M)``, and so is what the bare rule leaves,
  ``|w_k + eta g_k| <= 2 sqrt(M)``.
- *So is what a rule remembers.* It adds up corrections or their squares, each of them
  ``g_k^2 <= M <= L / H``: it takes H of the largest to overflow, even where nothing is ever
  forgotten (`Adagrad`).
- *So is what a penalty or a decay adds.* It is a multiple of w, and ``|w| <= sqrt(M)``.

All this is known of the rules of this package, by constants of ordinary size (`is_tame`). With
another rule the careful road is taken whatever the numbers are.

The other way round, what fails may still be finite. Then the careful road is taken, which looks at
each number, and keeps a copy of weights and state to go back to (`training.trainer.Trainer`).

At a single row two sums are simpler. In layer l, whose delta_l meet the signals y_l (``y_0 = 1``
among them), the correction is an outer product, ``|g_l| = |delta_l| |y_l|``, and so ::

    |g|^2 = sum_l |delta_l|^2 |y_l|^2 <= (sum_l |delta_l|^2) (sum_l |y_l|^2),

which is known before any g. And the bare rule can do without ``|w|^2``: a step of no more than
``sqrt(L / H)`` is less than half of the last digit of L, and carries no finite weight beyond it.
"""

from __future__ import annotations

from math import isfinite

from ..registry import is_ours
from .rule import UpdateRule

__all__ = ["HEADROOM", "has_headroom", "is_tame"]

HEADROOM = 2.0**30
_COMMON = 2.0**10  # constants that use up less of it than there is


def has_headroom(correction, eta: float, rest) -> bool:
    """Whether an update is so far from overflow that it needs no more care.

    The compiled passes ask the same, in `engines.kernels` and `engines.batch_kernels`.

    Parameters
    ----------
    correction : float
        ``|g|^2``, or what is not less; a number of the weights' dtype.
    eta : float
        The largest learning rate.
    rest : float
        ``sum |v|^2 + |E| + |y|^2``, and ``|w|^2`` unless the rule is the bare one; of the same
        dtype. Outputs that are v itself, or bounded, may be left out.
    """
    step = max(eta, 1.0)
    return isfinite((correction * step * step + rest) * HEADROOM)


def is_tame(rule: UpdateRule) -> bool:
    """Whether a rule does to finite numbers what is said above: one of ours, by common constants.

    Parameters
    ----------
    rule : UpdateRule
    """
    numbers = [value for value in vars(rule).values() if isinstance(value, (float, int))]
    return is_ours(type(rule)) and all(abs(number) <= _COMMON for number in numbers)
