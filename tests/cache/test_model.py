"""Any sequence of operations against a dictionary: never a tree of other bytes, never over budget."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tree_codec import Cache, SyntaxCodec, content_hash, fresh, program

from treeseek.cache import Budgets

PATHS = st.sampled_from(["a.py", "b.py", "c/d.py"])
TEXTS = [program(number, functions) for number in range(3) for functions in (1, 4, 9)] + [b"", b"def (", b"x = 1\n"]
EXPECTED = {text: fresh(text) for text in TEXTS}
CHOSEN = st.sampled_from(TEXTS)


class CacheMachine(RuleBasedStateMachine):
    """`known` is what the cache has ever been given; `is_roomy` tells whether all of it must still be there."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.now = 0.0
        self.known: set[bytes] = set()

    @initialize(
        sizes=st.sampled_from([(0, 0, 0), (30_000, 9_000, 1_500), (9_000, 30_000, 0), (1 << 20, 1 << 20, 1 << 20)]),
        frozen=st.sampled_from([0, 4 << 20]),
    )
    def open(self, sizes: tuple[int, int, int], frozen: int) -> None:
        self.budgets = Budgets(*sizes, frozen, hot_idle_seconds=5, warm_idle_seconds=5, cold_idle_seconds=5)
        self.is_roomy = frozen > 0
        self.cache = Cache(SyntaxCodec(), self.directory, self.budgets, clock=lambda: self.now)

    @rule(path=PATHS, text=CHOSEN, live=st.booleans())
    def get(self, path: str, text: bytes, live: bool) -> None:
        parses = self.cache.statistics().parses + self.cache.statistics().reparses
        assert self.cache.get_or_parse(path, text, "python", content_hash(text), live=live) == EXPECTED[text]
        parsed = self.cache.statistics().parses + self.cache.statistics().reparses - parses
        if self.is_roomy:
            assert parsed == (text not in self.known)
        self.known.add(text)

    @rule(path=PATHS, text=CHOSEN)
    def load(self, path: str, text: bytes) -> None:
        tree = self.cache.load(path, content_hash(text), "python")
        assert tree is None or tree == EXPECTED[text]
        assert (tree is not None) <= (text in self.known)
        if self.is_roomy:
            assert (tree is not None) == (text in self.known)

    @rule(path=PATHS)
    def load_all(self, path: str) -> None:
        found = self.cache.load_many((path, content_hash(text), "python") for text in TEXTS)
        for text, tree in zip(TEXTS, found, strict=True):
            assert tree is None or tree == EXPECTED[text]
            if self.is_roomy:
                assert (tree is not None) == (text in self.known)

    @rule(seconds=st.sampled_from([1, 6, 40]))
    def sweep(self, seconds: int) -> None:
        self.now += seconds
        self.cache.sweep()

    @rule()
    def flush(self) -> None:
        self.cache.flush()

    @rule()
    def reopen(self) -> None:
        self.cache.close()
        self.cache = Cache(SyntaxCodec(), self.directory, self.budgets, clock=lambda: self.now)

    @rule()
    def delete_directory(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        self.is_roomy = False

    @invariant()
    def budgets_hold(self) -> None:
        tiers = self.cache.statistics().tiers if hasattr(self, "cache") else {}
        for tier in tiers.values():
            assert tier.nbytes <= max(tier.budget, 0)
            assert (tier.nbytes == 0) == (tier.entries == 0)

    def teardown(self) -> None:
        self.cache.close()
        shutil.rmtree(self.directory, ignore_errors=True)


TestCache = CacheMachine.TestCase
TestCache.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
