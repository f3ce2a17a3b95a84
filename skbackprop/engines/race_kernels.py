"""One row of a stream for the compiler: all networks of a race, their vote, and the scales.

It does what `streams.model.StreamModel.learn` does, with the activation and the update rules
called by their addresses, as in `kernels`, whose layers these are. This module needs Numba, and is
imported only by the code that `source` writes.
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
    KEEP, LIMIT, ACTIVATION, ETAS,
) = range(12)  # fmt: skip
COUNT, MEAN, VARIANCE, INVERSE, BOUND = range(5)  # rows of a table of moments
LOSSES, SHARES = range(2)  # rows of the table of a race
CHUNK = 512


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
    """As `Moments.update` does."""
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


@inlined
def learn(
    x, moments, target, w, state, race, plan, settings, signals, rows, g, shared, answer,
    label, weight, t, rate, is_first,
):  # fmt: skip
    """Learn one row; False, with nothing changed, if an output is not finite.

    `answer` is written: the prediction (a number, or the place of a class), the loss of the
    vote, and that of the average.
    """
    n_learners, n_layers = plan[N_LEARNERS], plan[N_LAYERS]
    n_networks = n_learners + 1
    size, n_signals, n_classes = plan[N_PARAMETERS], plan[N_SIGNALS], plan[N_CLASSES]
    n_in = plan[LAYERS + N_IN]
    z, scratch = pointer(shared), shifted(pointer(shared), n_in)
    common = shifted(scratch, 2 * n_signals)
    xs, tables, entries = pointer(x), pointer(plan), LAYERS + n_layers * N_COLUMNS
    numbers, columns = pointer(settings), pointer(moments)
    _scale(xs, columns, n_in, settings[CLIP], plan[SHIFTED] > 0, z)
    listed = pointer(rows)
    n_rows = _list_rows(z, n_in, listed)
    ws, v = pointer(w), pointer(signals)
    y = shifted(v, n_networks * n_signals)
    e = shifted(v, 2 * n_networks * n_signals)
    top = plan[LAYERS + (n_layers - 1) * N_COLUMNS + AFTER]
    n_units = plan[LAYERS + (n_layers - 1) * N_COLUMNS + N_OUT]
    for m in range(n_networks):
        k = m * n_signals
        if not _forward(
            shifted(ws, m * size), tables, numbers, z, listed, n_rows, shifted(v, k),
            shifted(y, k),
        ):  # fmt: skip
            return False
    # The outputs, the vote and the losses.
    mean, deviation = 0.0, 1.0
    if n_classes == 0:
        mean = target[MEAN]
        if target[INVERSE] > 0.0:
            deviation = 1.0 / target[INVERSE]
    for j in range(n_units):
        answer[3 + j] = 0.0
    place = np.int64(label)
    for m in range(n_networks):
        k = m * n_signals + top
        share = race[SHARES, m]
        if n_classes > 0:
            _softmax(shifted(v, k), shifted(y, k), n_units)
            for j in range(n_units):
                answer[3 + j] += share * y[k + j]
            loss = -math.log(max(y[k + place], settings[LEAST_P]))
        else:
            output = min(max(v[k], -settings[LARGEST_OUTPUT]), settings[LARGEST_OUTPUT])
            output = output * deviation + mean
            answer[3] += share * output
            error = (output - label) / deviation
            loss = min(0.5 * error * error, settings[LARGEST_LOSS])
        scratch[m] = loss
    if n_classes > 0:
        best = 0
        for j in range(n_units):
            if answer[3 + j] > answer[3 + best]:
                best = j
        answer[0] = best
        answer[1] = -math.log(max(answer[3 + place], settings[LEAST_P]))
    else:
        answer[0] = answer[3]
        error = (answer[3] - label) / deviation
        answer[1] = min(0.5 * error * error, settings[LARGEST_LOSS])
    answer[2] = scratch[n_learners]
    if not is_first:
        least = math.inf
        for m in range(n_networks):
            race[LOSSES, m] = race[LOSSES, m] * settings[DISCOUNT] + scratch[m]
            least = min(least, race[LOSSES, m])
        total = 0.0
        for m in range(n_networks):
            race[SHARES, m] = exp(least - race[LOSSES, m])
            total += race[SHARES, m]
        for m in range(n_networks):
            race[SHARES, m] = race[SHARES, m] / total
    # The update of all networks.
    if n_classes == 0:
        common[0] = label
        _update_moments(common, pointer(target), 1, numbers, settings[LARGEST_OUTPUT])
        mean, deviation = target[MEAN], 1.0
        if target[INVERSE] > 0.0:
            deviation = 1.0 / target[INVERSE]
    for m in range(n_learners):
        k = m * n_signals
        if n_classes > 0:
            for j in range(n_units):
                e[k + top + j] = -y[k + top + j] * weight
            e[k + top + place] += weight
        else:
            error = (label - mean) / deviation - v[k + top]
            bound = settings[LARGEST_ERROR]
            e[k + top] = min(max(error, -bound), bound) * weight
        entry = shifted(tables, entries + m * N_ENTRIES)
        member = shifted(ws, m * size)
        _backward(member, tables, numbers, shifted(v, k), shifted(y, k), shifted(e, k))
        _change_by_rules(
            member, pointer(state), entry, tables, numbers, settings[ETAS + m], t, z, listed,
            n_rows, shifted(y, k), shifted(e, k), pointer(g), common,
        )  # fmt: skip
    average, averaged = n_learners * size, plan[AVERAGED] * size
    for k in range(size):
        ws[average + k] = ws[average + k] + rate * (ws[averaged + k] - ws[average + k])
    _update_moments(xs, columns, n_in, numbers, settings[LIMIT])
    return True
