"""A file of results: a row for each set, fold and model, appended as soon as it is measured."""

import csv
from pathlib import Path

import numpy as np

KEY = ("set", "rows", "fold", "model")
WORDS = ("kind", "measure")
FIGURES = ("features", "score", "log_loss", "brier", "seconds")


class Results:
    """The rows that were measured, in a CSV file if there is a path.

    Parameters
    ----------
    path : path-like or None
        Rows that are in the file already count as measured.
    figures, words : tuple of str
        What a row holds beside its key: numbers, which are averaged, and texts.
    """

    def __init__(self, path=None, figures=FIGURES, words=WORDS):
        self.figures, self.words = figures, words
        self.path = None if path is None else Path(path)
        self.rows = {}
        if self.path is not None and self.path.exists():
            with self.path.open(newline="") as file:
                for row in csv.DictReader(file):
                    self._keep(row)

    def __contains__(self, key):
        return tuple(map(str, key)) in self.rows

    def add(self, **row):
        """Keep a row, and append it to the file."""
        self._keep(row)
        if self.path is None:
            return
        is_new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, (*KEY, *self.words, *self.figures))
            if is_new:
                writer.writeheader()
            writer.writerow(row)

    def _keep(self, row):
        key = tuple(str(row[name]) for name in KEY)
        numbers = {name: float(row[name]) for name in self.figures}
        words = {name: row[name] for name in self.words}
        self.rows.setdefault(key, {**dict(zip(KEY, key, strict=True)), **words, **numbers})

    def models(self):
        """The names of the models, in the order in which they came."""
        return list(dict.fromkeys(row["model"] for row in self.rows.values()))

    def means(self, names):
        """The means of the figures, over folds that all named models have: {set: {model: row}}.

        Sets that one of them lacks are left out. A row also holds what is the same for all folds.
        """
        found = {}
        for set_name in dict.fromkeys(row["set"] for row in self.rows.values()):
            rows = [row for row in self.rows.values() if row["set"] == set_name]
            of_model = {name: [r for r in rows if r["model"] == name] for name in names}
            common = set.intersection(*({r["fold"] for r in rows} for rows in of_model.values()))
            if common:
                found[set_name] = {
                    name: self._mean([r for r in rows if r["fold"] in common])
                    for name, rows in of_model.items()
                }
        return found

    def _mean(self, rows):
        means = {name: float(np.mean([row[name] for row in rows])) for name in self.figures}
        return {**rows[0], **means}
