"""`python -m treeseek`: the same as the `treeseek` command."""

from __future__ import annotations

import sys

from treeseek.frontends.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
