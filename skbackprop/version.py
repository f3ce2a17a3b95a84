"""The version of the package, which pickled estimators carry."""

__version__ = "0.1.0"
