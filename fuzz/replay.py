"""Run one input through its target, without a fuzzer: `python -m fuzz.replay TARGET FILE [--parse-only]`.

Ends with a traceback if it is a finding. With `--parse-only` nothing but tree-sitter sees it: if the process still
dies, the fault is a grammar's.
"""

from __future__ import annotations

import argparse
import faulthandler
import resource
from pathlib import Path

from fuzz.targets import TARGETS, parse_only

__all__ = ["main"]

MEMORY = 4 << 30
"""Bytes of address space: enough for any input of a few kilobytes."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.replay", description=__doc__)
    parser.add_argument("target", choices=TARGETS, metavar="TARGET")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--parse-only", action="store_true", help="hand the text to tree-sitter and to nothing else")
    told = parser.parse_args()
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    data = told.file.read_bytes()
    target = TARGETS[told.target]
    if told.parse_only:
        parse_only(target, data)
    else:
        target.check(data)


if __name__ == "__main__":
    main()
