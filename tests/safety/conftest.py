"""`path_attacks` is found here, by these tests and by those of servers."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
