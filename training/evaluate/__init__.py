"""`python -m training evaluate`: measure a checkpoint on rendered hands and on photos."""

from training.evaluate.command import add_arguments, run

__all__ = ["add_arguments", "run"]
