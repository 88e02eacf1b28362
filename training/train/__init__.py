"""`python -m training train`: train a recipe, or go on with it."""

from training.train.command import add_arguments, run

__all__ = ["add_arguments", "run"]
