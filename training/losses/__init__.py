"""The training losses: named terms, and the criterion that weighs those a recipe lists (spec section 5)."""

from training.losses.criterion import TERM_NAMES, Criterion

__all__ = ["TERM_NAMES", "Criterion"]
