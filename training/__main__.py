"""`python -m training VERB ...`: one verb for each thing that can be made."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Protocol, cast


class Command(Protocol):
    """What a verb's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the verb's arguments."""

    def run(self, arguments: argparse.Namespace) -> None:
        """Do it.

        Raises:
            ValueError: The arguments, or what they name, are not usable.
            OSError: A file cannot be read or written.
            FloatingPointError: What was computed is lost.
        """


VERBS: dict[str, tuple[str, str]] = {
    "build-hand": ("training.hand.build", "rebuild the hand template from the CC0 MakeHuman mesh"),
    "backgrounds": ("training.synthetic.panoramas", "fetch CC0 photographs to render hands in front of"),
    "render": ("training.synthetic.command", "render labelled multi-view pictures of hands"),
    "fabricate": ("training.synthetic.fabricate.command", "draw a tiny data set in a published layout"),
    "check-data": ("training.data.check_data", "look through a copy of DexYCB or HanCo, and count it"),
    "train": ("training.train", "train a recipe, or go on with it"),
    "evaluate": ("training.evaluate", "measure a checkpoint on rendered hands and on photos"),
    "study": ("training.study", "train and measure recipes side by side, with several seeds each"),
    "export": ("training.export.command", "write a checkpoint into a Triton model repository"),
    "thaw": ("training.export.thaw", "make weights to train on of a served model"),
    "summary": ("training.networks.summary", "print a recipe's parameters and multiply-accumulates"),
}


def _load(module: str) -> Command:
    return cast(Command, importlib.import_module(module))


def main(argv: list[str] | None = None) -> int:
    """Run one verb; return the exit status: 2 after bad arguments or files, 1 after a lost computation."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    words = sys.argv[1:] if argv is None else argv
    for verb, (module, meaning) in VERBS.items():
        subparser = verbs.add_parser(verb, help=meaning, description=meaning)
        # Only the verb that is asked for is imported, so that `--help` needs no torch.
        if words[:1] == [verb]:
            _load(module).add_arguments(subparser)
    arguments = parser.parse_args(words)
    try:
        _load(VERBS[arguments.verb][0]).run(arguments)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except FloatingPointError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
