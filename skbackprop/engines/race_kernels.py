"""Rows of a stream for the compiler: all networks of a race, their vote, and the scales.

It does what `streams.model.StreamModel.learn` and `predict` do, with the activation and the update
rules called by their addresses, as in `kernels`, whose layers these are; and the scaling alone.
What a race keeps from row to row is read and written where it is: the plan has the addresses.
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
    decimals_at,
    exp,
    inlined,
    jit,
    like,
    places_at,
    pointer,
    shifted,
    where,
)

# Entries of `plan`: networks that learn, the one of them whose weights are averaged (the average
# is the last network of all), layers of weights, parameters of a network, neurons of all layers
# with their padding, the addresses of the activation's functions; the classes, or 0 for numbers;
# whether inputs are shifted by their means; the addresses of what is kept and of scratch; then for
# each layer of weights its inputs, outputs, first weight, and the places of the signals before and
# after it; then for each network that learns the addresses of its rule's functions (0: the bare
# one), the place and the stride of its state, and where the rule's numbers begin in `settings`.
(
    N_LEARNERS, AVERAGED, N_LAYERS, N_PARAMETERS, N_SIGNALS, PHI, DELTA, N_CLASSES, SHIFTED,
    MOMENTS, TARGET, W, STATES, RACE, COUNTS, SCORES, CHART, SETTINGS, SIGNALS, ROWS, G, SHARED,
    ANSWER, LAYERS,
) = range(24)  # fmt: skip
N_IN, N_OUT, WEIGHTS, BEFORE, AFTER, N_COLUMNS = range(6)
PREPARE, STEP, STATE, STRIDE, NUMBERS, N_ENTRIES = range(6)
# Entries of `settings`: then eta of each network, the activation's numbers and the rules'.
(
    CLIP, DISCOUNT, LEAST_P, LARGEST_LOSS, LARGEST_ERROR, LARGEST_OUTPUT, LARGEST, ROUNDING,
    ROBUST_FROM, KEEP, LIMIT, SHARPNESS, LEAST_RATE, RATE, WIDTH, WARM_UP, RECENT, KEPT,
    LARGEST_VALUE, ACTIVATION, ETAS,
) = range(21)  # fmt: skip
COUNT, MEAN, VARIANCE, INVERSE, BOUND = range(5)  # rows of a table of moments
N_UPDATES, N_AVERAGED = range(2)  # entries of `counts`
# Of `chart`: then the rows of alarms.
(
    N_CHARTED, MEAN_LOSS, SQUARES, SMOOTHED, LEVEL, USUAL_LOSS, RECENT_LOSS, N_ALARMS, ALARMS,
) = range(9)  # fmt: skip
N_SCORED, SUM, OVERALL_MEAN, OVERALL_SQUARES = range(4)  # of `scores`; of classes the first two
CHUNK = 512  # weights that a rule is given at a time
N_ANSWER = 2  # entries of `answer`, prediction and loss of the vote, before its probabilities


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
    counts, means, variances, inverses, bounds = (
        moments, shifted(moments, n), shifted(moments, 2 * n), shifted(moments, 3 * n),
        shifted(moments, 4 * n),
    )  # fmt: skip
    for i in range(n):  # without a branch, so that it becomes vector code
        known = abs(x[i]) < math.inf
        count = counts[i] * keep + 1.0
        rate = 1.0 / count
        bound = bounds[i]
        d = min(max(x[i] - means[i], -bound), bound)
        step = rate * d
        mean = means[i] + step
        variance = (variances[i] + step * d) * (1.0 - rate)
        inverse = where(variance > rounding * mean * mean, 1.0 / math.sqrt(variance), 0.0)
        believed = known & (count > robust_from) & (inverse > 0.0)
        bounds[i] = where(believed, limit / inverse, bound)
        counts[i] = where(known, count, counts[i])
        means[i] = where(known, mean, means[i])
        variances[i] = where(known, variance, variances[i])
        inverses[i] = where(known, inverse, inverses[i])


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


@jit
def _score(n_classes, scores, settings, answer, label):
    """Count the row in the metric, as the `score` of the tasks does."""
    n = scores[N_SCORED] + 1.0
    scores[N_SCORED] = n
    if n_classes > 0:
        scores[SUM] += where(answer[0] == label, 1.0, 0.0)
        return
    largest = settings[LARGEST]
    y = min(max(label, -largest), largest)
    error = min(max(answer[0], -largest), largest) - y
    scores[SUM] += error * error
    d = y - scores[OVERALL_MEAN]
    scores[OVERALL_MEAN] += d / n
    scores[OVERALL_SQUARES] += d * (y - scores[OVERALL_MEAN])


@jit
def _watch(chart, settings, row, vote_loss, average_loss):
    """Chart the losses of a row, as `DriftMonitor.record` does; whether an alarm rings."""
    n = chart[N_CHARTED] + 1.0
    chart[N_CHARTED] = n
    chart[USUAL_LOSS] += (vote_loss - chart[USUAL_LOSS]) / n
    rate, recent = settings[RATE], settings[RECENT]
    if row < 1.0 / recent:
        recent = 1.0 / (row + 1.0)
    chart[RECENT_LOSS] += recent * (vote_loss - chart[RECENT_LOSS])
    x = average_loss - vote_loss
    d = x - chart[MEAN_LOSS]
    chart[MEAN_LOSS] += d / n
    chart[SQUARES] += d * (x - chart[MEAN_LOSS])
    chart[SMOOTHED] += rate * (x - chart[SMOOTHED])
    if n == 1.0:
        chart[SMOOTHED] = chart[MEAN_LOSS]
    if n > settings[WARM_UP] and chart[SQUARES] > 0.0:
        deviation = math.sqrt(chart[SQUARES] / n * rate / (2.0 - rate))
        chart[LEVEL] = (chart[SMOOTHED] - chart[MEAN_LOSS]) / (settings[WIDTH] * deviation)
    if chart[LEVEL] < 1.0:
        return False
    place = np.int64(chart[N_ALARMS]) % np.int64(settings[KEPT])
    chart[ALARMS + place] = row
    chart[N_ALARMS] += 1.0
    for k in range(RECENT_LOSS):
        chart[k] = 0.0
    return True


@jit
def _respond(plan, settings, x, z, w, v, y):
    """Present a row to all networks; `_list_rows` of its inputs, -2 if an output is not finite."""
    n_networks, size, n_signals = plan[N_LEARNERS] + 1, plan[N_PARAMETERS], plan[N_SIGNALS]
    n_in, listed = plan[LAYERS + N_IN], places_at(plan[ROWS])
    _scale(x, decimals_at(plan[MOMENTS]), n_in, settings[CLIP], plan[SHIFTED] > 0, z)
    n_rows = _list_rows(z, n_in, listed)
    for m in range(n_networks):
        k = m * n_signals
        member = shifted(w, m * size)
        if not _forward(member, plan, settings, z, listed, n_rows, shifted(v, k), shifted(y, k)):
            return -2
    return n_rows


@jit
def _learn_row(plan, x, label, weight):
    """Learn one row; False, and nothing is changed, if it has numbers for NumPy to judge."""
    n_learners, n_layers, n_classes = plan[N_LEARNERS], plan[N_LAYERS], plan[N_CLASSES]
    n_networks, size, n_signals = n_learners + 1, plan[N_PARAMETERS], plan[N_SIGNALS]
    n_in, last = plan[LAYERS + N_IN], LAYERS + (n_layers - 1) * N_COLUMNS
    top, n_units = plan[last + AFTER], plan[last + N_OUT]
    settings, w, answer = (
        decimals_at(plan[SETTINGS]), decimals_at(plan[W]), decimals_at(plan[ANSWER])
    )  # fmt: skip
    target, counts, totals = (
        decimals_at(plan[TARGET]), decimals_at(plan[COUNTS]), decimals_at(plan[RACE])
    )  # fmt: skip
    z, v, shares = (
        decimals_at(plan[SHARED]), decimals_at(plan[SIGNALS]), shifted(totals, n_networks)
    )  # fmt: skip
    losses = shifted(z, n_in)
    common = shifted(losses, n_networks)
    y, e = shifted(v, n_networks * n_signals), shifted(v, 2 * n_networks * n_signals)
    n_large = 0
    for i in range(n_in):
        n_large += abs(x[i]) > settings[LARGEST_VALUE]
    n_rows = _respond(plan, settings, x, z, w, v, y)
    if n_rows == -2 or n_large > 0:
        return False
    outputs, row = shifted(v, top), counts[N_UPDATES]
    if n_classes > 0:
        _vote_classes(
            n_networks, n_units, n_signals, np.int64(label), outputs, shifted(y, top), settings,
            shares, losses, answer,
        )  # fmt: skip
    else:
        _vote_numbers(
            n_networks, n_signals, label, target, outputs, settings, shares, losses, answer
        )
    if row > 0.0:
        _record(n_networks, losses, totals, shares, settings[DISCOUNT], settings[SHARPNESS])
        _score(n_classes, decimals_at(plan[SCORES]), settings, answer, label)
        chart = decimals_at(plan[CHART])
        if _watch(chart, settings, row, answer[1], losses[n_learners]):
            counts[N_AVERAGED] = 0.0
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
            member, decimals_at(plan[STATES]),
            shifted(plan, last + N_COLUMNS + m * N_ENTRIES), plan, settings, settings[ETAS + m],
            np.int64(row), z, places_at(plan[ROWS]), n_rows, y_m, e_m, decimals_at(plan[G]), common,
        )  # fmt: skip
    rate = max(settings[LEAST_RATE], 1.0 / (counts[N_AVERAGED] + 1.0))
    _average(w, n_learners * size, plan[AVERAGED] * size, size, rate)
    _update_moments(x, decimals_at(plan[MOMENTS]), n_in, settings, settings[LIMIT])
    counts[N_UPDATES] += 1.0
    counts[N_AVERAGED] += 1.0
    return True


@inlined
def learn(plan, X, labels, weights, n_rows):
    """Learn rows, up to one whose outputs are not finite, and tell how many.

    A label is a number, or the place of a class.
    """
    plan, x, labels, weights = pointer(plan), pointer(X), pointer(labels), pointer(weights)
    n_in = plan[LAYERS + N_IN]
    for i in range(n_rows):
        if not _learn_row(plan, shifted(x, i * n_in), labels[i], weights[i]):
            return i
    return n_rows


@inlined
def vote(plan, X, votes):
    """Write the vote on each row of X; False if an output is not finite."""
    plan, x, out = pointer(plan), pointer(X), pointer(votes)
    n_layers, n_classes, n_networks = plan[N_LAYERS], plan[N_CLASSES], plan[N_LEARNERS] + 1
    n_in, last = plan[LAYERS + N_IN], LAYERS + (n_layers - 1) * N_COLUMNS
    top, n_units, n_signals = plan[last + AFTER], plan[last + N_OUT], plan[N_SIGNALS]
    settings, w, answer = (
        decimals_at(plan[SETTINGS]), decimals_at(plan[W]), decimals_at(plan[ANSWER])
    )  # fmt: skip
    z, v, shares = (
        decimals_at(plan[SHARED]), decimals_at(plan[SIGNALS]),
        shifted(decimals_at(plan[RACE]), n_networks),
    )  # fmt: skip
    losses = shifted(z, n_in)
    y = shifted(v, n_networks * n_signals)
    outputs = shifted(v, top)
    for i in range(len(X)):
        if _respond(plan, settings, shifted(x, i * n_in), z, w, v, y) == -2:
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
                n_networks, n_signals, 0.0, decimals_at(plan[TARGET]), outputs, settings, shares,
                losses, answer,
            )  # fmt: skip
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
