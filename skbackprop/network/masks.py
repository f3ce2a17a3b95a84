"""Masks: which parameters of a network learn, and which stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["learning_parameters"]


def learning_parameters(mask, network, flat: np.ndarray) -> None:
    """Write 1 into `flat` where a parameter learns and 0 where it stays as it is.

    Parameters
    ----------
    mask : sequence with an entry for each layer
        None or True: the layer learns. False: neither its weights nor its biases do, nor, in the
        first, the gains of the inputs. An array (n_in, n_out) of 0 and 1: the weights at 0 do not;
        the biases and gains do.
    network : Network
    flat : ndarray of shape (P,)

    Raises
    ------
    ValueError
        If an entry is none of these.
    """
    flat[...] = 1.0
    for layer, (entry, (W, b)) in enumerate(zip(mask, network.layers(flat), strict=True)):
        if entry is None:
            continue
        try:
            given = np.asarray(entry)
        except ValueError as error:
            raise ValueError(
                f"mask[{layer}] is a list whose rows differ in length; for that layer it must be "
                f"an array of 0 and 1 of shape {W.shape}."
            ) from error
        wrong = given[~np.isin(given, (0, 1))]
        if given.shape not in ((), W.shape) or wrong.size:
            is_ = f"holds {wrong[0]}" if wrong.size else f"has shape {given.shape}"
            raise ValueError(
                f"mask[{layer}] {is_}; for that layer it must be None, True, False, or an array of "
                f"0 and 1 of shape {W.shape}."
            )
        if given.ndim:
            W[...] = given
        elif not given:
            W[...], b[...] = 0.0, 0.0
            if not layer and network.input_gain:
                network.gains(flat)[...] = 0.0


def is_connections(entry: Any) -> bool:
    """Whether an entry of a mask speaks of single weights."""
    return entry is not None and np.ndim(entry) > 0
