"""The pass of batches for the compiler: the equations of `network` for all rows of a batch at once.

It reads as `network` and `training.trainer` do: a batch is taken, flows forward, meets its cost,
flows backward, is corrected by ``delta_j y_i``, and the rule moves the weights. That is a few dozen
small products and loops, which in NumPy are as many calls, each with a fixed cost and a way through
memory of its own; here an epoch is one call. The weights are read and written where they are, in
the flat vector `w`. A batch goes through in panels of few rows, whose signals stay in the first
caches, and whose corrections add up. The signals of a panel lie in one array, layer after layer:
rows `stride` numbers apart, and the numbers of a row that are no neuron's are zero.

As in `kernels`, activations, loss and rule are called by their addresses, with all rows at once. An
update that comes near overflow (see `updates.headroom`) is refused before a weight has changed:
the sums of squares that this takes are 3 % of an epoch of small networks.
"""

from __future__ import annotations

import math

import numpy as np

from .kernels import (
    DELTA,
    L1,
    L2,
    N_GROUP,
    PARAMETERS,
    PHI,
    SOFTMAX,
    call_cost,
    call_delta,
    call_phi,
    call_prepare,
    call_product,
    call_step,
    correct,
    inlined,
    jit,
    like,
    pointer,
    shifted,
    softmax,
    softmax_gradients,
    squares,
    where,
)

# Entries of `plan`: layers of weights; rows of a batch, and of a panel; where in `settings` the
# parameters of rule and loss begin, and the loss's numbers for each output neuron; the addresses of
# the functions of loss and rule, and of the product; whether the loss gives delta, or the error
# signals; whether the inputs have gains, and whether some parameters do not learn; where in the
# signals zeros begin, and scratch; where in `settings` the standard deviation of the noise is, and
# after it the rate of dropout of each layer, 0 if there is neither; how many parts of `w` have an
# eta of their own, none if each weight has, and from here on, where each part begins and how many
# weights it has.
(
    N_LAYERS, BATCH, PANEL, RULE, LOSS, COLUMNS, COST, PREPARE, STEP, PRODUCT, FUSED, GAINED,
    MASKED, ZEROS, SCRATCH, DISTURBANCE, N_PARTS, PARTS,
) = range(18)  # fmt: skip
# Columns of `layers`, a row for each layer of weights: neurons before and after it, where its
# weights begin, the strides of the signals before and after it, and where these signals begin: what
# enters it, its fields, its outputs, its local gradients; the gates by which signals enter it, and
# its weights transposed; its groups, and where in `member` its neurons' begin.
(
    N_IN, N_OUT, WEIGHTS, STRIDE_IN, STRIDE_OUT, ENTERING, FIELDS, OUTPUTS, GRADIENTS, GATES,
    TRANSPOSED, FIRST_GROUP, LAST_GROUP, MEMBERS, N_COLUMNS,
) = range(15)  # fmt: skip
# Entries of `settings`, after the penalty's: the limits of the correction's norm and of that of a
# neuron's weights, infinite if there is none; the largest eta, and those of the parts of `w`.
MAX_GRAD_NORM, MAX_NORM, LARGEST_ETA, ETAS = range(2, 6)


@jit
def _row_of(table, row, n_columns):
    """The pointer to a row of a table."""
    return shifted(table, row * n_columns)


# Signals of a layer -------------------------------------------------------------------------------


@jit
def _gather(X, n_features, order, is_ordered, first, count, y, stride):
    """Write rows of X into `y`."""
    for r in range(count):
        row = shifted(X, (order[first + r] if is_ordered else first + r) * n_features)
        to = shifted(y, r * stride)
        for i in range(n_features):
            to[i] = row[i]


@jit
def _affine_sparse(data, first, count, W, n_out, bias, v, stride):
    """``v_j = sum_i w_ji x_i + w_j0`` over the stored numbers of sparse rows."""
    X, indices, bounds, order, is_ordered = data
    for r in range(count):
        row = order[first + r] if is_ordered else first + r
        to = shifted(v, r * stride)
        for j in range(n_out):
            to[j] = bias[j]
        for q in range(bounds[row], bounds[row + 1]):
            x, weights = X[q], shifted(W, indices[q] * n_out)
            for j in range(n_out):
                to[j] += x * weights[j]


@jit
def _add_outer_sparse(data, first, count, delta, stride, n_in, n_out, G):
    """Add ``delta_j x_i`` of the rows, of sparse x."""
    X, indices, bounds, order, is_ordered = data
    for r in range(count):
        row = order[first + r] if is_ordered else first + r
        own = shifted(delta, r * stride)
        for q in range(bounds[row], bounds[row + 1]):
            x, to = X[q], shifted(G, indices[q] * n_out)
            for j in range(n_out):
                to[j] += x * own[j]


@jit
def _transpose(A, n_rows, n_columns, out):
    """``out_ji = a_ij``, in squares, so that what is read together is near."""
    for i in range(0, n_rows, 8):
        for j in range(n_columns):
            for k in range(i, min(i + 8, n_rows)):
                out[j * n_rows + k] = A[k * n_columns + j]


@jit
def _dots(y, stride, weights, bias, count, n_in, v):
    """``v = y w + bias`` of the only neuron of a layer: four rows at a time."""
    r = 0
    while r + 4 <= count:
        row = shifted(y, r * stride)
        a = b = c = d = like(y, 0.0)
        for i in range(n_in):
            a += row[i] * weights[i]
            b += row[stride + i] * weights[i]
            c += row[2 * stride + i] * weights[i]
            d += row[3 * stride + i] * weights[i]
        v[r], v[r + 1], v[r + 2], v[r + 3] = bias + a, bias + b, bias + c, bias + d
        r += 4
    while r < count:
        a = like(y, 0.0)
        for i in range(n_in):
            a += y[r * stride + i] * weights[i]
        v[r] = bias + a
        r += 1


@jit
def _add_scaled_rows(y, stride, delta, count, n_in, out):
    """Add ``delta_r y_ri``, of the only delta of each row."""
    r = 0
    while r + 4 <= count:
        row = shifted(y, r * stride)
        a, b, c, d = delta[r], delta[r + 1], delta[r + 2], delta[r + 3]
        for i in range(n_in):
            out[i] += (
                a * row[i] + b * row[stride + i]
                + c * row[2 * stride + i] + d * row[3 * stride + i]
            )  # fmt: skip
        r += 4
    while r < count:
        for i in range(n_in):
            out[i] += delta[r] * y[r * stride + i]
        r += 1


@jit
def _add_rows(A, stride, count, n_columns, out):
    """Add the rows of A: four at a time."""
    r = 0
    while r + 4 <= count:
        row = shifted(A, r * stride)
        for j in range(n_columns):
            out[j] += row[j] + row[stride + j] + row[2 * stride + j] + row[3 * stride + j]
        r += 4
    while r < count:
        row = shifted(A, r * stride)
        for j in range(n_columns):
            out[j] += row[j]
        r += 1


@jit
def _outputs(row, groups, member, settings, count, v, y, scratch):
    """``y_j = phi_j(v_j)`` of all rows."""
    n_out, stride = row[N_OUT], row[STRIDE_OUT]
    first, last = row[FIRST_GROUP], row[LAST_GROUP]
    group = _row_of(groups, first, N_GROUP)
    if group[PHI] == SOFTMAX:
        for r in range(count):
            softmax(shifted(v, r * stride), shifted(y, r * stride), n_out)
    elif last == first:
        call_phi(group[PHI], shifted(settings, group[PARAMETERS]), v, y, count * stride)
    else:
        for number in range(first, last + 1):
            group = _row_of(groups, number, N_GROUP)
            p = shifted(settings, group[PARAMETERS])
            call_phi(group[PHI], p, v, scratch, count * stride)
            _take_own(number, member, n_out, stride, count, scratch, y)


@jit
def _take_own(number, member, n_out, stride, count, A, out):
    """Take over the columns of the neurons that are a group's."""
    for r in range(count):
        k = r * stride
        for j in range(n_out):
            if member[j] == number:
                out[k + j] = A[k + j]


@jit
def _local_gradients(row, groups, member, settings, count, v, y, e, scratch):
    """``delta_j = e_j phi_j'(v_j)`` of all rows, in the place of e."""
    n_out, stride = row[N_OUT], row[STRIDE_OUT]
    first, last = row[FIRST_GROUP], row[LAST_GROUP]
    group = _row_of(groups, first, N_GROUP)
    if group[PHI] == SOFTMAX:
        for r in range(count):
            softmax_gradients(shifted(y, r * stride), shifted(e, r * stride), n_out)
    elif last == first:
        call_delta(group[DELTA], shifted(settings, group[PARAMETERS]), v, y, e, count * stride)
    else:
        # Each group multiplies all of a copy; what is its own is taken over.
        for number in range(first, last + 1):
            group = _row_of(groups, number, N_GROUP)
            for k in range(count * stride):
                scratch[k] = e[k]
            p = shifted(settings, group[PARAMETERS])
            call_delta(group[DELTA], p, v, y, scratch, count * stride)
            _take_own(number, member, n_out, stride, count, scratch, e)


# Disturbances -------------------------------------------------------------------------------------
# Numbers at random are a function of a seed and of how many came before (SplitMix64: Steele, Lea
# and Flood, "Fast splittable pseudorandom number generators", 2014), so that loops are vector code.


@jit
def mixed(seed, count):
    """A whole number of 64 bits at random; without the compiler, an array of them."""
    z = np.uint64(seed) + np.uint64(count + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@jit
def _uniform(seed, count):
    """A number at random in [0, 1)."""
    return float(mixed(seed, count) >> np.uint64(11)) * 2.0**-53


@jit
def _add_noise(y, count, n_neurons, stride, deviation, seed):
    """Add Gaussian noise to the signals: by Box and Muller (1958)."""
    for r in range(count):
        for i in range(n_neurons):
            k = 2 * (r * n_neurons + i)
            radius = math.sqrt(-2.0 * math.log(1.0 - _uniform(seed, k)))
            normal = radius * math.cos(2.0 * math.pi * _uniform(seed, k + 1))
            y[r * stride + i] += like(y, deviation * normal)


@jit
def _drop(y, count, rate, seed, gates, out):
    """Write the signals behind gates that are shut with a probability, and the gates."""
    is_open = like(y, 1.0 / (1.0 - rate))
    for k in range(count):
        gates[k] = where(_uniform(seed, k) >= rate, is_open, like(y, 0.0))
        out[k] = y[k] * gates[k]


@jit
def _disturb(plan, row, layer, settings, count, z, y, seed):
    """Change the signals `y` on their way into a layer, as `network.regularisation` does."""
    disturbance = shifted(settings, plan[DISTURBANCE])
    noise, rate, stride = disturbance[0], disturbance[1 + layer], row[STRIDE_IN]
    own_seed = mixed(seed, layer)
    entering = shifted(z, row[ENTERING])
    if layer == 0 and noise > 0.0:
        _add_noise(y, count, row[N_IN], stride, noise, mixed(own_seed, 0))
    if rate > 0.0:
        _drop(y, count * stride, rate, own_seed, shifted(z, row[GATES]), entering)


@jit
def _open_gates(plan, row, layer, settings, count, z, e):
    """Let the error `e` of the signals into a layer through the gates that they came by."""
    if settings[plan[DISTURBANCE] + 1 + layer] > 0.0:
        gates = shifted(z, row[GATES])
        for k in range(count * row[STRIDE_IN]):
            e[k] = e[k] * gates[k]


# Limits of norms ----------------------------------------------------------------------------------


@jit
def _limit_norm(g, count, length, largest):
    """Scale `g`, which is so long, down to the largest norm."""
    if length > largest:
        factor = like(g, largest / length)
        for k in range(count):
            g[k] = g[k] * factor


@jit
def _limit_neuron_norms(w, gains, has_gains, n_in, n_out, largest, norms):
    """Scale each neuron's incoming weights down to the largest norm, but those that are frozen."""
    tiny = like(w, np.finfo(np.float32).tiny)
    for j in range(n_out):
        norms[j] = like(w, 0.0)
    for i in range(n_in):
        for j in range(n_out):
            k = i * n_out + j
            if not has_gains or gains[k] > 0.0:
                norms[j] += w[k] * w[k]
    for j in range(n_out):
        norm = like(w, math.sqrt(norms[j]))
        norms[j] = like(w, min(1.0, largest / max(norm, tiny)))
    for i in range(n_in):
        for j in range(n_out):
            k = i * n_out + j
            if not has_gains or gains[k] > 0.0:
                w[k] = w[k] * norms[j]


# The change of the weights ------------------------------------------------------------------------


@jit
def _change(plan, settings, changing, g, factor, t, shared):
    """Move the weights by the rule."""
    w, size, state, gains, n_gains = changing
    p = shifted(settings, plan[RULE])
    if n_gains:
        call_prepare(plan[PREPARE], p, 0.0, t, shared)
        call_step(plan[STEP], w, state, gains, size, n_gains, g, size, p, 0.0, factor, t, shared)
    for part in range(plan[N_PARTS]):
        start, count = plan[PARTS + 2 * part], plan[PARTS + 2 * part + 1]
        eta = settings[ETAS + part] * factor
        call_prepare(plan[PREPARE], p, eta, t, shared)
        call_step(
            plan[STEP], shifted(w, start), shifted(state, start), gains, size, n_gains,
            shifted(g, start), count, p, eta, factor, t, shared,
        )  # fmt: skip


# The pass -----------------------------------------------------------------------------------------


@jit
def _apply_gains(tables, w, gains_of_inputs, z):
    """Write ``gain_i w_ji``, the first layer's weights as the inputs meet them."""
    plan, layers = tables[:2]
    if plan[GAINED]:
        n_in, n_out = layers[N_IN], layers[N_OUT]
        W, to = shifted(w, layers[WEIGHTS]), shifted(z, layers[TRANSPOSED])
        for i in range(n_in):
            for j in range(n_out):
                to[i * n_out + j] = W[i * n_out + j] * gains_of_inputs[i]


@jit
def _transpose_weights(tables, w, z):
    """Write the weights as the backward flow reads them."""
    plan, layers = tables[:2]
    for layer in range(1, plan[N_LAYERS]):
        row = _row_of(layers, layer, N_COLUMNS)
        if row[N_OUT] > 1:
            to = shifted(z, row[TRANSPOSED])
            _transpose(shifted(w, row[WEIGHTS]), row[N_IN], row[N_OUT], to)


@jit
def _forward(tables, data, first, count, w, z, seed):
    """Forward signal flow, ``v_j = sum_i w_ji y_i + w_j0``, ``y_j = phi_j(v_j)``; sum v^2."""
    plan, layers, groups, member, settings = tables
    X, indices, bounds, is_sparse, order, is_ordered = data
    rows = X, indices, bounds, order, is_ordered
    size = 0.0
    for layer in range(plan[N_LAYERS]):
        row = _row_of(layers, layer, N_COLUMNS)
        n_in, n_out = row[N_IN], row[N_OUT]
        if plan[DISTURBANCE] > 0 and not (layer == 0 and is_sparse):  # whose numbers have been
            before = _row_of(layers, max(layer - 1, 0), N_COLUMNS)
            came = row[ENTERING] if layer == 0 else before[OUTPUTS]
            _disturb(plan, row, layer, settings, count, z, shifted(z, came), seed)
        y, v, W = shifted(z, row[ENTERING]), shifted(z, row[FIELDS]), shifted(w, row[WEIGHTS])
        bias = shifted(W, n_in * n_out)
        if layer == 0 and plan[GAINED]:
            W = shifted(z, row[TRANSPOSED])
        if layer == 0 and is_sparse:
            _affine_sparse(rows, first, count, W, n_out, bias, v, row[STRIDE_OUT])
        elif n_out == 1:
            _dots(y, row[STRIDE_IN], W, bias[0], count, n_in, v)
        else:
            call_product(
                plan[PRODUCT], y, row[STRIDE_IN], 1, W, n_out, v, row[STRIDE_OUT], count, n_out,
                n_in, bias, 0,
            )  # fmt: skip
        _outputs(
            row, groups, shifted(member, row[MEMBERS]), settings, count, v,
            shifted(z, row[OUTPUTS]), shifted(z, plan[SCRATCH]),
        )  # fmt: skip
        size += squares(v, count * row[STRIDE_OUT])
    return size


@jit
def _meet_cost(tables, count, n_batch, d, scale, is_scaled, z, costs):
    """Write the local gradients of the output neurons; the rows' part of the mean cost."""
    plan, layers, groups, member, settings = tables
    row = _row_of(layers, plan[N_LAYERS] - 1, N_COLUMNS)
    n_units = row[N_OUT]
    v, y, e = shifted(z, row[FIELDS]), shifted(z, row[OUTPUTS]), shifted(z, row[GRADIENTS])
    p, columns = shifted(settings, plan[LOSS]), shifted(settings, plan[COLUMNS])
    call_cost(plan[COST], count, n_units, p, columns, d, v, y, e, costs)
    if not plan[FUSED]:
        _local_gradients(
            row, groups, shifted(member, row[MEMBERS]), settings, count, v, y, e,
            shifted(z, plan[SCRATCH]),
        )  # fmt: skip
    total = 0.0
    for r in range(count):
        weight = scale[r] if is_scaled else like(y, 1.0)
        total += costs[r] * weight
        weight = like(y, weight / n_batch)
        for j in range(n_units):
            e[r * n_units + j] *= weight
    return total / n_batch


@jit
def _backward(tables, count, w, z):
    """Backward error flow, ``delta_j = phi_j'(v_j) sum_k delta_k w_kj``, last to first."""
    plan, layers, groups, member, settings = tables
    zeros = shifted(z, plan[ZEROS])
    for layer in range(plan[N_LAYERS] - 1, 0, -1):
        row, before = (_row_of(layers, layer, N_COLUMNS), _row_of(layers, layer - 1, N_COLUMNS))
        n_in, n_out = row[N_IN], row[N_OUT]
        delta, e = shifted(z, row[GRADIENTS]), shifted(z, before[GRADIENTS])
        W = shifted(w, row[WEIGHTS]) if n_out == 1 else shifted(z, row[TRANSPOSED])
        call_product(
            plan[PRODUCT], delta, row[STRIDE_OUT], 1, W, n_in, e, row[STRIDE_IN], count, n_in,
            n_out, zeros, 0,
        )  # fmt: skip
        if plan[DISTURBANCE] > 0:
            _open_gates(plan, row, layer, settings, count, z, e)
        _local_gradients(
            before, groups, shifted(member, before[MEMBERS]), settings, count,
            shifted(z, before[FIELDS]), shifted(z, before[OUTPUTS]), e,
            shifted(z, plan[SCRATCH]),
        )  # fmt: skip


@jit
def _add_correction(tables, data, first, count, z, g):
    """Add ``delta_j y_i`` of the rows, with ``y_0 = 1`` for the biases."""
    plan, layers = tables[:2]
    X, indices, bounds, is_sparse, order, is_ordered = data
    rows = X, indices, bounds, order, is_ordered
    for layer in range(plan[N_LAYERS]):
        row = _row_of(layers, layer, N_COLUMNS)
        n_in, n_out, stride = row[N_IN], row[N_OUT], row[STRIDE_OUT]
        y, delta = shifted(z, row[ENTERING]), shifted(z, row[GRADIENTS])
        G = shifted(g, row[WEIGHTS])
        if layer == 0 and is_sparse:
            _add_outer_sparse(rows, first, count, delta, stride, n_in, n_out, G)
        elif n_out == 1:
            _add_scaled_rows(y, row[STRIDE_IN], delta, count, n_in, G)
        else:
            call_product(
                plan[PRODUCT], y, 1, row[STRIDE_IN], delta, stride, G, n_out, n_in, n_out,
                count, G, n_out,
            )  # fmt: skip
        _add_rows(delta, stride, count, n_out, shifted(G, n_in * n_out))


@jit
def _correct_gains(tables, w, gains_of_inputs, g, g_gains):
    """Write the gains' correction; up to here ``x_i delta_j`` stands in the first layer's."""
    plan, layers = tables[:2]
    if plan[GAINED]:
        n_in, n_out, start = layers[N_IN], layers[N_OUT], layers[WEIGHTS]
        W, G = shifted(w, start), shifted(g, start)
        for i in range(n_in):
            total = like(w, 0.0)
            for k in range(i * n_out, (i + 1) * n_out):
                total += G[k] * W[k]
                G[k] = G[k] * gains_of_inputs[i]
            g_gains[i] = total  # x_i sum_j delta_j w_ji


@jit
def _penalise(tables, changing, g):
    """Add the penalty's part to the correction, and zero what is fixed; the penalty."""
    plan, layers, groups, member, settings = tables
    w, size, state, gains, n_gains = changing
    penalty = 0.0
    if settings[L1] != 0.0 or settings[L2] != 0.0:
        for layer in range(plan[N_LAYERS]):
            row = _row_of(layers, layer, N_COLUMNS)
            k = row[WEIGHTS]
            penalty += correct(shifted(w, k), row[N_IN] * row[N_OUT], shifted(g, k), settings)
    if plan[MASKED]:
        for k in range(size):
            g[k] = g[k] * gains[size + k]
    return penalty


def make_present(headroom):
    """The pass, for any activations, rule and loss."""

    @jit
    def present_batch(batch, data, changing, factor, t, tables, work):
        """Present a batch; whether that was done, and its cost before it."""
        d, scale, is_scaled, inputs = data
        X, indices, bounds, is_sparse, order, is_ordered = inputs
        w, size, state, gains, n_gains = changing
        plan, layers, groups, member, settings = tables
        z, g, costs, shared = work
        first, count, seed = batch
        n_features, top = layers[N_IN], _row_of(layers, plan[N_LAYERS] - 1, N_COLUMNS)
        gains_of_inputs, g_gains = shifted(w, size - n_features), shifted(g, size - n_features)
        _apply_gains(tables, w, gains_of_inputs, z)
        _transpose_weights(tables, w, z)
        for k in range(size):
            g[k] = like(g, 0.0)
        cost, largeness = 0.0, 0.0
        for start in range(first, first + count, plan[PANEL]):
            n = min(plan[PANEL], first + count - start)
            if not is_sparse:
                y = shifted(z, layers[ENTERING])
                _gather(X, n_features, order, is_ordered, start, n, y, layers[STRIDE_IN])
            largeness += _forward(tables, inputs, start, n, w, z, mixed(seed, start - first))
            desired, weights = shifted(d, start * top[N_OUT]), shifted(scale, start)
            cost += _meet_cost(tables, n, count, desired, weights, is_scaled, z, costs)
            largeness += squares(shifted(z, top[OUTPUTS]), n * top[N_OUT])
            _backward(tables, n, w, z)
            _add_correction(tables, inputs, start, n, z, g)
        _correct_gains(tables, w, gains_of_inputs, g, g_gains)
        cost += _penalise(tables, changing, g)
        # The criterion of `updates.headroom`, before anything is applied.
        largest = max(1.0, settings[LARGEST_ETA] * factor)
        length = float(squares(g, size))
        largeness += length * largest * largest + squares(w, size) + abs(cost)
        # In the dtype of the weights. Not math.isfinite, whose additions may be reordered.
        if not like(w, largeness * headroom) < math.inf:
            return False, cost
        _limit_norm(g, size, math.sqrt(length), settings[MAX_GRAD_NORM])
        _change(plan, settings, changing, g, factor, t, shared)
        if settings[MAX_NORM] < math.inf:
            for layer in range(plan[N_LAYERS]):
                row = _row_of(layers, layer, N_COLUMNS)
                k = row[WEIGHTS]
                _limit_neuron_norms(
                    shifted(w, k), shifted(gains, k), n_gains > 0, row[N_IN], row[N_OUT],
                    settings[MAX_NORM], shifted(z, plan[SCRATCH]),
                )  # fmt: skip
        return True, cost

    @inlined
    def present(
        w, state, gains, X, indices, bounds, order, d, scale, factors, t, seeds, tables, work
    ):
        """Present batches in order, an update each, and stop before one that needs care.

        Parameters
        ----------
        w : (P,) array
            The parameters; changed.
        state : (n_slots, P) array
            Of the rule; changed.
        gains : (2, P) array
            ``eta`` of each parameter, and whether it learns; empty if `settings` says it all.
        X : (n_all, n_features) array, or (1, n_stored) array
            The rows; or the stored numbers of sparse rows.
        indices, bounds : int32 array, int64 array of shape (n_all + 1,)
            Columns of the stored numbers, and where each row's begin; `bounds` is empty if X is
            dense.
        order : (n,) array
            The rows to present; empty if these are all, as they come.
        d : (n, n_units) array
            Desired outputs, in the order of presentation.
        scale : (n,) array
            Factor of each row, likewise; empty if all are one.
        factors : (n_batches,) or (1,) array of float64
            Of eta, at each update or at all.
        t : int
            Updates that the rule has done.
        seeds : (n_batches,) array
            Of dropout and noise, at each update; empty if there is neither.
        tables : tuple of arrays
            ``plan, layers, groups, member, settings``.
        work : tuple of arrays
            The signals, the correction, and scratch.

        Returns
        -------
        done : int
            Rows presented; the next batch's v, delta or step may not be finite.
        total : float
            The costs of the batches, each before its own update and times its rows, summed.
        """
        plan, layers, groups, member, settings = tables
        signals, g, scratch = work
        batch = plan[BATCH]
        changing = pointer(w), w.size, pointer(state), pointer(gains), gains.size
        inputs = (
            pointer(X), pointer(indices), pointer(bounds), bounds.size > 0, pointer(order),
            order.size > 0,
        )  # fmt: skip
        data = pointer(d), pointer(scale), scale.size > 0, inputs
        known = (
            pointer(plan),
            pointer(layers),
            pointer(groups),
            pointer(member),
            pointer(settings),
        )
        costs = pointer(scratch)
        places = pointer(signals), pointer(g), costs, shifted(costs, plan[PANEL])
        total, first, n_rows = 0.0, 0, d.shape[0]
        while first < n_rows:
            count = min(batch, n_rows - first)
            done = first // batch
            factor = factors[done if factors.size > 1 else 0]
            seed = seeds[done] if seeds.size else 0
            is_done, cost = present_batch(
                (first, count, seed), data, changing, factor, t + done, known, places
            )
            if not is_done:
                break
            total += cost * count
            first += count
        return first, total

    return present


@inlined
def respond(w, X, order, v, y, tables, signals):
    """Write the fields and outputs of the output neurons, (n, n_units), for rows of X.

    The tables are those of `make_present`.
    """
    plan, layers, groups, member, settings = tables
    known = pointer(plan), pointer(layers), pointer(groups), pointer(member), pointer(settings)
    z, weights, table = pointer(signals), pointer(w), pointer(layers)
    n_features, top = layers[0, N_IN], _row_of(table, plan[N_LAYERS] - 1, N_COLUMNS)
    n_units, n_rows, first = top[N_OUT], v.shape[0], 0
    rows = pointer(X), pointer(member), pointer(order), False, pointer(order), order.size > 0
    _apply_gains(known, weights, shifted(weights, w.size - n_features), z)
    while first < n_rows:
        count = min(plan[PANEL], n_rows - first)
        _gather(
            pointer(X), n_features, pointer(order), order.size > 0, first, count,
            shifted(z, table[ENTERING]), table[STRIDE_IN],
        )  # fmt: skip
        _forward(known, rows, first, count, weights, z, 0)
        to_v, to_y = shifted(pointer(v), first * n_units), shifted(pointer(y), first * n_units)
        for k in range(count * n_units):
            to_v[k] = z[top[FIELDS] + k]
            to_y[k] = z[top[OUTPUTS] + k]
        first += count
