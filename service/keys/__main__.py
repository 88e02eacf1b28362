"""`python -m service.keys new|list|remove`: the keys that callers present."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from service.keys.key_file import KeyFile, StoredKey, digest_of, new_key, read_key_file, write_key_file
from service.settings import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 2 with a line on stderr."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    path: Path | None = arguments.file or Settings().keys_file
    if path is None:
        parser.error("say which file by --file or SIMAHAND_KEYS_FILE")
    try:
        arguments.run(path, arguments)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"simahand: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service.keys", description=__doc__)
    parser.add_argument(
        "--file",
        type=Path,
        help="the file of keys (default: SIMAHAND_KEYS_FILE); gateways follow it",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    new = commands.add_parser("new", help="make a key and print it, this once")
    new.add_argument("name", help="of whoever gets it; for logs and refusals")
    new.add_argument("--requests-per-s", type=float, help="requests and frames of streams, in the long run")
    new.add_argument("--burst", type=int, help="how many of them at once (default: those of a second)")
    new.add_argument("--max-streams", type=int, help="live streams at once")
    new.set_defaults(run=_new)
    commands.add_parser("list", help="print names and limits").set_defaults(run=_list)
    remove = commands.add_parser("remove", help="take a key back; its streams end within two seconds")
    remove.add_argument("name")
    remove.set_defaults(run=_remove)
    return parser


def _new(path: Path, arguments: argparse.Namespace) -> None:
    file = read_key_file(path) if path.exists() else KeyFile()
    key = new_key()
    stored = StoredKey(
        sha256=digest_of(key),
        requests_per_s=arguments.requests_per_s,
        burst=arguments.burst,
        max_streams=arguments.max_streams,
    )
    write_key_file(path, file.with_key(arguments.name, stored))
    sys.stdout.write(key + "\n")  # alone, for KEY=$(...)
    sys.stderr.write(f"The key of {arguments.name!r}; {path} keeps its hash alone, so keep it yourself.\n")


def _list(path: Path, _: argparse.Namespace) -> None:
    for name, stored in read_key_file(path).keys.items():
        limits = stored.limits.model_dump(exclude_none=True)
        said = ", ".join(f"{limit} {value:g}" for limit, value in limits.items()) or "no limits of its own"
        sys.stdout.write(f"{name}: {said}\n")


def _remove(path: Path, arguments: argparse.Namespace) -> None:
    write_key_file(path, read_key_file(path).without_key(arguments.name))


if __name__ == "__main__":
    sys.exit(main())
