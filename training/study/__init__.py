"""`python -m training study`: the arms of a comparison, trained and measured with several seeds each."""

from training.study.command import add_arguments, run

__all__ = ["add_arguments", "run"]
