"""Run sections of the benchmarks, if none is named all that need no data.

Markdown tables are printed; how many times faster than the peers is drawn in `speed.png`, where
matplotlib is installed.
"""

import argparse
import warnings
from pathlib import Path

from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import skbackprop

from . import (
    batches,
    calls,
    cores,
    defaults,
    imports,
    memory,
    online,
    peers,
    picture,
    rounds,
    rows,
    scale,
    server,
    solvers,
    sparse,
    stream_report,
    streams,
    table_report,
    tables,
    tabular,
    units,
)
from .stream_models import MODELS as STREAM_MODELS
from .table_models import MODELS

SECTIONS = {
    "online": online,
    "rows": rows,
    "batches": batches,
    "calls": calls,
    "sparse": sparse,
    "solvers": solvers,
    "scale": scale,
    "memory": memory,
    "cores": cores,
    "imports": imports,
    "server": server,
}
OF_SETS = ("defaults", "tabular", "streams", "units", "rounds")  # that measure on data sets
IMAGES = Path(__file__).parent / "images"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="section", help=", ".join([*SECTIONS, *OF_SETS])
    )
    parser.add_argument("--quick", action="store_true", help="small and short: a trial of the code")
    parser.add_argument(
        "--cpu",
        action="store_true",
        help="count CPU time, for a busy machine; not with cores, server",
    )
    parser.add_argument("--images", type=Path, default=IMAGES, help="folder of the plots")
    parser.add_argument("--data", metavar="DIR", help=f"folder of .npz sets ({', '.join(OF_SETS)})")
    parser.add_argument(
        "--rows",
        type=int,
        help="most rows of a set (3000; tabular: 20000; streams: 60000; units: 1000)",
    )
    parser.add_argument("--splits", type=int, default=3, help="splits, or folds, of a set")
    parser.add_argument(
        "--candidate",
        action="append",
        default=[],
        metavar="NAME=SETTINGS",
        help="further settings to compare, as in b95='dict(solver=Adam(beta_2=0.95))' (defaults)",
    )
    of_tables = parser.add_argument_group("tabular, streams")
    of_tables.add_argument(
        "--models",
        type=names,
        help=f"of {', '.join(MODELS)} (tabular), {'; '.join(STREAM_MODELS)} (streams): A,B,...",
    )
    of_tables.add_argument("--results", type=Path, help="a CSV file that is read, and added to")
    of_tables = parser.add_argument_group("tabular")
    of_tables.add_argument("--folds", type=numbers, help="of 0,1,...: those to measure now")
    of_tables.add_argument("--without", type=names, default=[], help="sets to pass over: A,B,...")
    of_streams = parser.add_argument_group("streams")
    of_streams.add_argument("--sets", type=names, help="those to measure: A,B,...")
    of_streams.add_argument(
        "--drifts",
        type=known_changes,
        action="append",
        default=[],
        metavar="SET=ROWS",
        help="rows at which a stream is known to change, for the plot: sea=15000,30000",
    )
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - {*SECTIONS, *OF_SETS}
    if unknown:
        parser.error(f"no section {sorted(unknown)}; there are {[*SECTIONS, *OF_SETS]}")
    for name in ("tabular", "streams", "units"):
        if name in arguments.sections and not arguments.data:
            parser.error(f"{name} needs --data DIR, a folder with .npz sets")
    if arguments.data and not defaults.sets_in(arguments.data):
        parser.error(f"--data {arguments.data}: no folder with .npz sets")
    if arguments.cpu:
        tables.count_cpu()
    warnings.simplefilter("ignore", ConvergenceWarning)
    arguments.images.mkdir(exist_ok=True)
    print(peers.describe() + "\n")
    ratios = []
    with threadpool_limits(1):
        for name in arguments.sections or SECTIONS:
            if name == "defaults":
                pairs = (text.split("=", 1) for text in arguments.candidate)
                candidates = {n: eval(text, vars(skbackprop).copy()) for n, text in pairs}
                defaults.main(arguments.data, arguments.rows or 3000, arguments.splits, candidates)
            elif name == "tabular":
                print(f"### {name}\n\n{tabular.__doc__.strip()}\n")
                compare_on_tables(arguments)
            elif name == "units":
                print(f"### {name}\n\n{units.__doc__.strip()}\n")
                units.main(
                    arguments.data, arguments.rows or 1000, arguments.splits, arguments.without
                )
            elif name == "rounds":
                print(f"### {name}\n\n{rounds.__doc__.strip()}\n")
                rounds.main(arguments)
            elif name == "streams":
                print(f"### {name}\n\n{streams.__doc__.strip()}\n")
                compare_on_streams(arguments)
            else:
                print(f"### {name}\n\n{SECTIONS[name].__doc__.strip()}\n")
                ratios += SECTIONS[name].main(arguments) or []
                print(flush=True)
    if ratios and peers.has("matplotlib"):
        picture.draw(ratios, arguments.images / "speed.png")


def compare_on_tables(arguments):
    results = tabular.main(
        arguments.data,
        arguments.rows or 20000,
        arguments.splits,
        names=arguments.models,
        folds=arguments.folds,
        without=arguments.without,
        path=arguments.results,
    )
    table_report.write(results, arguments.images, arguments.models)


def compare_on_streams(arguments):
    results = streams.main(
        arguments.data,
        arguments.rows or 60000,
        names=arguments.models,
        sets=arguments.sets,
        path=arguments.results,
    )
    stream_report.write(results, arguments.images, arguments.models, arguments.drifts)


def names(text):
    return text.split(",")


def numbers(text):
    return [int(name) for name in names(text)]


def known_changes(text):
    name, rows = text.split("=")
    return name, numbers(rows)


if __name__ == "__main__":
    main()
