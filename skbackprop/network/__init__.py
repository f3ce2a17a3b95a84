"""The rule: a layered network, its cost on rows of data, and what holds its weights back."""

from .initializers import INITIALIZERS, initializer_for
from .masks import learning_parameters
from .network import Network, Workspace, Workspaces
from .objective import Objective, Problem
from .outputs import outputs_of
from .penalties import ElasticNet
from .regularisation import Disturbance, limit_neuron_norms, limit_norm
from .row_sums import RowSums
from .rows import BLOCK_ROWS, add_outer, affine, row_blocks, take_rows, with_mean_one

__all__ = [
    "BLOCK_ROWS",
    "Disturbance",
    "ElasticNet",
    "INITIALIZERS",
    "Network",
    "Objective",
    "Problem",
    "RowSums",
    "Workspace",
    "Workspaces",
    "add_outer",
    "affine",
    "initializer_for",
    "learning_parameters",
    "limit_neuron_norms",
    "limit_norm",
    "outputs_of",
    "row_blocks",
    "take_rows",
    "with_mean_one",
]
