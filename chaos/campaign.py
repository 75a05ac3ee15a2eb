"""What did a part of a campaign try, and what came of it? Counts, and the places where something broke."""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Campaign"]

_MOST_KEPT = 20
"""Broken directories that are kept, lest a broken store fills the disk."""


@dataclass(slots=True)
class Campaign:
    """One part of a campaign: its chance, its scratch directory, and what it has found so far."""

    part: str
    scratch: Path
    seed: int
    rng: random.Random = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.part} {self.seed}")
        self.scratch.mkdir(parents=True, exist_ok=True)

    def place(self, name: str) -> Path:
        """Return a new, empty directory."""
        path = self.scratch / name
        shutil.rmtree(path, ignore_errors=True)
        (path / "root").mkdir(parents=True)
        return path

    def judge(self, what: str, broken: Iterable[str], base: Path) -> bool:
        """Note what is broken after `what` was done, and keep a copy of `base`; return whether anything is."""
        reasons = list(broken)
        if not reasons:
            return False
        kept = self.scratch / f"broken-{len(self.violations):03}"
        if len(self.violations) < _MOST_KEPT:
            shutil.copytree(base, kept, symlinks=True)
        told = f"{self.part}: {what}: {'; '.join(reasons[:5])} [{kept}]"
        self.violations.append(told)
        print(f"VIOLATION {told}", file=sys.stderr, flush=True)
        return True

    def told(self) -> dict[str, object]:
        """Return what came of it as plain data."""
        return {
            "part": self.part, "seed": self.seed, "seconds": time.monotonic() - self.started,
            "counts": dict(self.counts), "violations": self.violations, "notes": self.notes,
        }  # fmt: skip
