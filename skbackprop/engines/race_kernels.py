"""One row of a stream for the compiler: all networks of a race, their vote, and the scales.

It does what `streams.model.StreamModel.learn` and `predict` do, with the activation and the update
rules called by their addresses, as in `kernels`, whose layers these are; and the scaling alone.
This module needs Numba, and is imported only by the code that `source` writes.
"""

from __future__ import annotations

import math

import numpy as np

from .kernels import (
    PAD,
    _change,
    _errors,
    _fields,
    _list_rows,
    call_delta,
    call_phi,
    call_prepare,
    call_step,
    exp,
    inlined,
    jit,
    like,
    pointer,
    shifted,
)

# Entries of `plan`: networks that learn, the one of them whose weights are averaged (the average
# is the last network of all), layers of weights, parameters of a network, neurons of all layers
# with their padding, the addresses of the activation's functions; the classes, or 0 for numbers;
# whether inputs are shifted by their means; then for each layer of weights its inputs, outputs,
# first weight, and the places of the signals before and after it; then for each network that
# learns the addresses of its rule's functions (0: the bare one), the place and the stride of its
# state, and where the rule's numbers begin in `settings`.
(
    N_LEARNERS, AVERAGED, N_LAYERS, N_PARAMETERS, N_SIGNALS, PHI, DELTA, N_CLASSES, SHIFTED, LAYERS,
) = range(10)  # fmt: skip
N_IN, N_OUT, WEIGHTS, BEFORE, AFTER, N_COLUMNS = range(6)
PREPARE, STEP, STATE, STRIDE, NUMBERS, N_ENTRIES = range(6)
# Entries of `settings`: then eta of each network, the activation's numbers and the rules'.
(
    CLIP, DISCOUNT, LEAST_P, LARGEST_LOSS, LARGEST_ERROR, LARGEST_OUTPUT, ROUNDING, ROBUST_FROM,
    KEEP, LIMIT, SHARPNESS, ACTIVATION, ETAS,
) = range(13)  # fmt: skip
COUNT, MEAN, VARIANCE, INVERSE, BOUND = range(5)  # rows of a table of moments
LOSSES, SHARES = range(2)  # rows of the table of a race
CHUNK = 512  # weights that a rule is given at a time
N_ANSWER = 3  # entries of `answer` before the probabilities of the vote


@jit
def _scale(x, moments, n, clip, shifted, z):
    """``z = (x - m) / s`` within -clip .. clip, 0 where x is NaN."""
    for i in range(n):
        number = x[i]
        if shifted:
            number = number - moments[MEAN * n + i]
        number = number * moments[INVERSE * n + i]
        number = min(max(number, -clip), clip)
        # Not math.isfinite, which takes x - x == 0: reordered, that is 0 == 0.
        z[i] = number if abs(x[i]) < math.inf else 0.0


@jit
def _update_moments(x, moments, n, settings, limit):
    """Take a row into the moments, as `Moments.update` does."""
    keep, rounding, robust_from = settings[KEEP], settings[ROUNDING], settings[ROBUST_FROM]
    for i in range(n):
        if not abs(x[i]) < math.inf:
            continue
        count = moments[COUNT * n + i] * keep + 1.0
        rate = 1.0 / count
        bound = moments[BOUND * n + i]
        d = min(max(x[i] - moments[MEAN * n + i], -bound), bound)
        step = rate * d
        mean = moments[MEAN * n + i] + step
        variance = (moments[VARIANCE * n + i] + step * d) * (1.0 - rate)
        inverse = 0.0
        if variance > rounding * mean * mean:
            inverse = 1.0 / math.sqrt(variance)
        if count > robust_from and inverse > 0.0:
            moments[BOUND * n + i] = limit / inverse
        moments[COUNT * n + i] = count
        moments[MEAN * n + i] = mean
        moments[VARIANCE * n + i] = variance
        moments[INVERSE * n + i] = inverse


@jit
def _softmax(v, y, n):
    largest = v[0]
    for j in range(n):
        largest = max(largest, v[j])
    total = 0.0
    for j in range(n):
        y[j] = exp(v[j] - largest)
        total += y[j]
    for j in range(n):
        y[j] = y[j] / total


@jit
def _forward(w, plan, settings, z, rows, n_rows, v, y):
    """Present the inputs to one network; whether its outputs are finite."""
    n_layers = plan[N_LAYERS]
    for layer in range(n_layers):
        row = shifted(plan, LAYERS + layer * N_COLUMNS)
        n_in, n_out, after = row[N_IN], row[N_OUT], row[AFTER]
        fields = shifted(v, after)
        if layer == 0:
            signals = z, n_in, rows, n_rows
        else:
            signals = shifted(y, row[BEFORE]), n_in, rows, -1
        _fields(shifted(w, row[WEIGHTS]), n_out, signals, fields)
        if layer < n_layers - 1:
            padded = (n_out + PAD - 1) // PAD * PAD
            p = shifted(settings, np.int64(settings[ACTIVATION]))
            call_phi(plan[PHI], p, fields, shifted(y, after), padded)
    row = shifted(plan, LAYERS + (n_layers - 1) * N_COLUMNS)
    for j in range(row[N_OUT]):
        if not abs(v[row[AFTER] + j]) < math.inf:
            return False
    return True


@jit
def _backward(w, plan, settings, v, y, e):
    """Local gradients of the hidden neurons of one network."""
    for layer in range(plan[N_LAYERS] - 1, 0, -1):
        row = shifted(plan, LAYERS + layer * N_COLUMNS)
        n_in, before = row[N_IN], row[BEFORE]
        error = shifted(e, before)
        _errors(shifted(w, row[WEIGHTS]), row[N_OUT], n_in, shifted(e, row[AFTER]), error)
        padded = (n_in + PAD - 1) // PAD * PAD
        p = shifted(settings, np.int64(settings[ACTIVATION]))
        call_delta(plan[DELTA], p, shifted(v, before), shifted(y, before), error, padded)


@jit
def _change_by_rules(w, state, entry, plan, settings, eta, t, z, rows, n_rows, y, e, g, shared):
    """Change the weights of one network by its rule."""
    for layer in range(plan[N_LAYERS]):
        row = shifted(plan, LAYERS + layer * N_COLUMNS)
        n_in, n_out, start = row[N_IN], row[N_OUT], row[WEIGHTS]
        delta = shifted(e, row[AFTER])
        entering = z if layer == 0 else shifted(y, row[BEFORE])
        if entry[STEP] == 0:
            for j in range(n_out):
                delta[j] = delta[j] * eta
            listed = n_rows if layer == 0 else -1
            _change(shifted(w, start), n_out, (entering, n_in, rows, listed), delta)
            continue
        p = shifted(settings, entry[NUMBERS])
        call_prepare(entry[PREPARE], p, eta, t, shared)
        many = max(1, CHUNK // n_out)
        for first in range(0, n_in + 1, many):
            count = min(many, n_in + 1 - first)
            for i in range(count):
                signal = entering[first + i] if first + i < n_in else like(w, 1.0)
                for j in range(n_out):
                    g[i * n_out + j] = signal * delta[j]
            k = start + first * n_out
            call_step(
                entry[STEP], shifted(w, k), shifted(state, entry[STATE] + k), g,
                entry[STRIDE], 0, g, count * n_out, p, eta, 1.0, t, shared,
            )  # fmt: skip


@jit
def _location_and_scale(target):
    """Mean and deviation of the targets; 1 while they do not differ."""
    inverse = target[INVERSE]
    return target[MEAN], 1.0 / inverse if inverse > 0.0 else 1.0


@jit
def _vote_classes(n_networks, n_units, stride, place, v, y, settings, shares, losses, answer):
    """Probabilities of each network, its loss, and the class and the loss of the vote."""
    vote = shifted(answer, N_ANSWER)
    for j in range(n_units):
        vote[j] = 0.0
    for m in range(n_networks):
        k = m * stride
        _softmax(shifted(v, k), shifted(y, k), n_units)
        for j in range(n_units):
            vote[j] += shares[m] * y[k + j]
        losses[m] = -math.log(max(y[k + place], settings[LEAST_P]))
    best = 0
    for j in range(n_units):
        if vote[j] > vote[best]:
            best = j
    answer[0] = best
    answer[1] = -math.log(max(vote[place], settings[LEAST_P]))


@jit
def _vote_numbers(n_networks, stride, label, target, v, settings, shares, losses, answer):
    """The loss of each network, and the number and the loss of the vote."""
    mean, deviation = _location_and_scale(target)
    bound, largest = settings[LARGEST_OUTPUT], settings[LARGEST_LOSS]
    answer[0] = 0.0
    for m in range(n_networks):
        output = min(max(v[m * stride], -bound), bound) * deviation + mean
        answer[0] += shares[m] * output
        error = (output - label) / deviation
        losses[m] = min(0.5 * error * error, largest)
    error = (answer[0] - label) / deviation
    answer[1] = min(0.5 * error * error, largest)


@jit
def _record(n_networks, losses, totals, shares, discount, sharpness):
    """Count the losses of a row, as `Race.record` does."""
    least, total = math.inf, 0.0
    for m in range(n_networks):
        totals[m] = totals[m] * discount + losses[m]
        least = min(least, totals[m])
    for m in range(n_networks):
        shares[m] = exp(sharpness * (least - totals[m]))
        total += shares[m]
    for m in range(n_networks):
        shares[m] = shares[m] / total


@jit
def _output_gradient(n_classes, label, target, settings, weight, v, y, e):
    """``delta = d - y`` of the output neurons of one network, times the weight of the row."""
    if n_classes > 0:
        for j in range(n_classes):
            e[j] = -y[j] * weight
        e[np.int64(label)] += weight
    else:
        mean, deviation = _location_and_scale(target)
        bound = settings[LARGEST_ERROR]
        e[0] = min(max((label - mean) / deviation - v[0], -bound), bound) * weight


@jit
def _average(w, average, averaged, size, rate):
    """``w <- w + r (w_averaged - w)``."""
    for k in range(size):
        w[average + k] = w[average + k] + rate * (w[averaged + k] - w[average + k])


@inlined
def learn(
    x, moments, target, w, state, race, plan, settings, signals, rows, g, shared, answer,
    label, weight, t, rate, is_first,
):  # fmt: skip
    """Learn one row; False, with nothing changed, if an output is not finite.

    `answer` is written: the prediction (a number, or the place of a class), the loss of the
    vote, and that of the average.
    """
    n_learners, n_layers, n_classes = plan[N_LEARNERS], plan[N_LAYERS], plan[N_CLASSES]
    n_networks, size, n_signals = n_learners + 1, plan[N_PARAMETERS], plan[N_SIGNALS]
    n_in, last = plan[LAYERS + N_IN], LAYERS + (n_layers - 1) * N_COLUMNS
    top, n_units = plan[last + AFTER], plan[last + N_OUT]
    x, moments, target, plan, settings = (
        pointer(x), pointer(moments), pointer(target), pointer(plan), pointer(settings)
    )  # fmt: skip
    w, answer, listed, z = pointer(w), pointer(answer), pointer(rows), pointer(shared)
    losses = shifted(z, n_in)
    common = shifted(losses, n_networks)
    totals, shares = pointer(race), shifted(pointer(race), n_networks)
    v = pointer(signals)
    y, e = shifted(v, n_networks * n_signals), shifted(v, 2 * n_networks * n_signals)
    _scale(x, moments, n_in, settings[CLIP], plan[SHIFTED] > 0, z)
    n_rows = _list_rows(z, n_in, listed)
    for m in range(n_networks):
        k = m * n_signals
        member = shifted(w, m * size)
        if not _forward(member, plan, settings, z, listed, n_rows, shifted(v, k), shifted(y, k)):
            return False
    outputs = shifted(v, top)
    if n_classes > 0:
        _vote_classes(
            n_networks, n_units, n_signals, np.int64(label), outputs, shifted(y, top), settings,
            shares, losses, answer,
        )  # fmt: skip
    else:
        _vote_numbers(
            n_networks, n_signals, label, target, outputs, settings, shares, losses, answer
        )
    answer[2] = losses[n_learners]
    if not is_first:
        _record(n_networks, losses, totals, shares, settings[DISCOUNT], settings[SHARPNESS])
    if n_classes == 0:
        common[0] = label
        _update_moments(common, target, 1, settings, settings[LARGEST_OUTPUT])
    for m in range(n_learners):
        k = m * n_signals
        member, delta = shifted(w, m * size), shifted(e, k + top)
        v_m, y_m, e_m = shifted(v, k), shifted(y, k), shifted(e, k)
        out = shifted(y, k + top)
        _output_gradient(
            n_classes, label, target, settings, weight, shifted(v, k + top), out, delta
        )
        _backward(member, plan, settings, v_m, y_m, e_m)
        _change_by_rules(
            member, pointer(state), shifted(plan, last + N_COLUMNS + m * N_ENTRIES), plan, settings,
            settings[ETAS + m], t, z, listed, n_rows, y_m, e_m, pointer(g), common,
        )  # fmt: skip
    _average(w, n_learners * size, plan[AVERAGED] * size, size, rate)
    _update_moments(x, moments, n_in, settings, settings[LIMIT])
    return True


@inlined
def vote(X, moments, target, w, race, plan, settings, signals, rows, shared, answer, votes):
    """Write the vote on each row of X; False if an output is not finite."""
    n_layers, n_classes, size = plan[N_LAYERS], plan[N_CLASSES], plan[N_PARAMETERS]
    n_networks, n_signals = plan[N_LEARNERS] + 1, plan[N_SIGNALS]
    n_in, last = plan[LAYERS + N_IN], LAYERS + (n_layers - 1) * N_COLUMNS
    top, n_units, n_samples = plan[last + AFTER], plan[last + N_OUT], len(X)
    x, out = pointer(X), pointer(votes)
    moments, target, plan, settings = (
        pointer(moments), pointer(target), pointer(plan), pointer(settings)
    )  # fmt: skip
    w, answer, listed, z = pointer(w), pointer(answer), pointer(rows), pointer(shared)
    losses, shares = shifted(z, n_in), shifted(pointer(race), n_networks)
    v = pointer(signals)
    y = shifted(v, n_networks * n_signals)
    outputs = shifted(v, top)
    for i in range(n_samples):
        _scale(shifted(x, i * n_in), moments, n_in, settings[CLIP], plan[SHIFTED] > 0, z)
        n_rows = _list_rows(z, n_in, listed)
        for m in range(n_networks):
            k = m * n_signals
            own_v, own_y = shifted(v, k), shifted(y, k)
            member = shifted(w, m * size)
            if not _forward(member, plan, settings, z, listed, n_rows, own_v, own_y):
                return False
        if n_classes > 0:
            _vote_classes(
                n_networks, n_units, n_signals, 0, outputs, shifted(y, top), settings, shares,
                losses, answer,
            )  # fmt: skip
            for j in range(n_units):
                out[i * n_units + j] = answer[N_ANSWER + j]
        else:
            _vote_numbers(
                n_networks, n_signals, 0.0, target, outputs, settings, shares, losses, answer
            )
            out[i] = answer[0]
    return True


@inlined
def scale(x, moments, settings, shifted, learns, z):
    """Take a row into the moments, or write it scaled: what `OnlineScaler` does."""
    n = len(x)
    x, moments, settings, z = pointer(x), pointer(moments), pointer(settings), pointer(z)
    if learns:
        _update_moments(x, moments, n, settings, settings[LIMIT])
    else:
        _scale(x, moments, n, settings[CLIP], shifted, z)
