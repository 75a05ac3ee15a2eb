"""Make the weights of the bundled embedding model, step by step.

    python -m training.model extract --list LIST --mirror DIR --out PAIRS [--keep-out DIR]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from training.model import extract


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("extract", help="pairs of words and code out of git repositories")
    command.add_argument("--list", type=Path, required=True, help="names (owner/name), or a provenance.json")
    command.add_argument("--mirror", type=Path, required=True, help="where OWNER+NAME/repo lie")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--keep-out", type=Path, action="append", default=[], help="don't learn lines that stand here")
    args = parser.parse_args()
    if args.command == "extract":
        extract.run(args.mirror, extract.listed(args.list), args.out, args.keep_out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
