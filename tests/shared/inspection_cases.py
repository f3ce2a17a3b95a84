"""What several tests of inspection share."""

from heads import X, make


def _with_rows(head):
    model, d = make(head)
    return model, X, d
