"""Run a section of the benchmarks and print its table in markdown."""

import argparse
import warnings

from sklearn.exceptions import ConvergenceWarning

import skbackprop

from . import defaults, solvers, speed


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("section", choices=["speed", "solvers", "defaults"])
    parser.add_argument("--data", metavar="DIR", help="folder of further .npz sets (X, y, cat)")
    parser.add_argument("--rows", type=int, default=3000, help="most rows of a set (defaults)")
    parser.add_argument("--splits", type=int, default=3, help="splits of a set (defaults)")
    parser.add_argument(
        "--candidate",
        action="append",
        default=[],
        metavar="NAME=SETTINGS",
        help="further settings to compare, as in b95='dict(solver=Adam(beta_2=0.95))' (defaults)",
    )
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    if arguments.section == "speed":
        speed.main()
    elif arguments.section == "solvers":
        solvers.main()
    else:
        pairs = (text.split("=", 1) for text in arguments.candidate)
        candidates = {name: eval(settings, vars(skbackprop).copy()) for name, settings in pairs}
        defaults.main(arguments.data, arguments.rows, arguments.splits, candidates)


if __name__ == "__main__":
    main()
