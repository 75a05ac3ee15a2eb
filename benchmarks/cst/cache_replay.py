"""The cache of trees under a replayed history, as an editor and a watcher would use it.

    python -m benchmarks.cst.cache_replay --history GITDIR --commits N [--share 1.0]

First all files are looked up once, uncounted, as a first query does. Then, commit by commit: of each changed file the
old version is loaded for the comparison, the new one is had as a live tree that will be edited again, then loaded
twice, for outline and chunks; at last the watcher looks at all files of the changed folders. A commit takes
`COMMIT_SECONDS` of the cache's clock, so that what is idle moves down. `--share` is of the default budgets. Prints one
JSON object.

A look-up is of a version that was looked up before in the replay, or of one never seen, which nothing can know. The
cache's own hit rate counts both; each look-up counts once. Memory is what Python's allocators handed out for the cache,
the parser's trees included, as tracemalloc has it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.cst.figures import Figure
from benchmarks.cst.histories import Commit, Repository, Touched
from benchmarks.cst.memory import held_by
from benchmarks.processes import run
from treeseek import settings
from treeseek.cache import Budgets, TreeCache
from treeseek.indexing.identity import content_hash
from treeseek.indexing.trees import SyntaxCodec
from treeseek.syntax.live import LiveFile
from treeseek.syntax.parsed import ParsedFile

__all__ = ["Replay", "budgets", "replay_figures"]

PART = "cache over a history"
HIT_BAR, MEMORY_BAR = 95.0, 1.05
SHARES = (1.0, 1 / 32)
COMMIT_SECONDS = 120.0
_CHECKS = 12
_FILLED_BYTES = 1 << 20
"""With less than this in it, a cache's own objects are what is measured."""
_TIERS = ("hot", "warm", "cold", "frozen")

Trees = TreeCache[LiveFile | ParsedFile, ParsedFile]


def budgets(share: float) -> Budgets:
    """Return a share of the default budgets."""
    sizes = settings.load({})
    return Budgets(*(int(share * size) for size in (
        sizes.cache_hot_bytes, sizes.cache_warm_bytes, sizes.cache_cold_bytes, sizes.cache_frozen_bytes,
    )))  # fmt: skip


@dataclass(slots=True)
class Replay:
    """One replay. `outcomes` counts look-ups by who made them, whether the version was seen before, and what answered:
    a tier, "parse", "reparse" or "none".
    """

    repository: Repository
    directory: Path
    limits: Budgets
    now: float = 0.0
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    memory: list[dict[str, float]] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)
    _texts: dict[str, tuple[str, bytes, str] | None] = field(default_factory=dict)

    def run(self, commits: int) -> dict[str, Any]:
        """Replay and return what was counted."""
        cache: Trees = TreeCache(SyntaxCodec(60.0), self.directory, self.limits, clock=lambda: self.now)
        done = list(self.repository.commits(commits))
        every = max(len(done) // _CHECKS, 1)
        with cache:
            if done:
                self._begin(cache, done[0])
            for number, commit in enumerate(done, 1):
                self._replay(cache, commit)
                if number % every == 0:
                    self.memory.append(self._memory(cache))
            return self._report(cache, len(done))

    def _begin(self, cache: Trees, first: Commit) -> None:
        """Have every file looked up once as it was before the first commit; none of that counts."""
        before = self.repository.parent(first.name)
        for path, blob in (self.repository.files(before) if before else {}).items():
            text = self._text(path, blob)
            if text is not None:
                self._look(cache, "begin", path, text, parse=True)
        self.outcomes.clear()

    def _replay(self, cache: Trees, commit: Commit) -> None:
        for file in commit.files:
            self._edit(cache, file)
        folders = _folders(commit)
        for path, blob in self.repository.files(commit.name, folders).items() if folders else ():
            text = self._text(path, blob)
            if text is not None:
                self._look(cache, "watcher", path, text, parse=True)
        self.now += COMMIT_SECONDS

    def _edit(self, cache: Trees, file: Touched) -> None:
        if file.old is not None:
            self._look(cache, "diff", file.path, (file.language, file.old, content_hash(file.old)))
        if file.new is not None:
            text = (file.language, file.new, content_hash(file.new))
            self._look(cache, "edit", file.path, text, parse=True, live=True)
            for who in ("outline", "chunks"):
                self._look(cache, who, file.path, text)

    def _text(self, path: str, blob: str) -> tuple[str, bytes, str] | None:
        key = f"{blob} {path}"
        if key not in self._texts:
            text = self.repository.text(path, blob)
            self._texts[key] = (*text, content_hash(text[1])) if text else None
        return self._texts[key]

    def _look(
        self,
        cache: Trees,
        who: str,
        path: str,
        text: tuple[str, bytes, str],
        *,
        parse: bool = False,
        live: bool = False,
    ) -> None:
        """Look one version up, as one call of the cache, and count what answered."""
        language, data, digest = text
        before = self._counts or _state(cache)
        if parse:
            found = cache.get_or_parse(path, data, language, digest, live=live)
        else:
            found = cache.load(path, digest, language)
        self._counts = _state(cache)
        answered = [name for name, count in self._counts.items() if count != before[name]]
        known = "seen" if f"{language} {digest}" in self.seen else "new"
        self.outcomes[who, known, answered[0] if answered and found is not None else "none"] += 1
        if found is not None:
            self.seen.add(f"{language} {digest}")

    def _memory(self, cache: Trees) -> dict[str, float]:
        """Return the memory that the cache holds, measured and as it says, and the budget, in bytes."""
        told = cache.statistics().tiers
        in_memory = [told[name] for name in _TIERS[:3]]
        files = sum(file.stat().st_size for file in self.directory.glob("data.mdb"))
        return {
            # Closing it would write to disk, and the parent would find there what it hasn't written.
            "measured": held_by(cache._tiers.clear),
            "charged": sum(tier.nbytes for tier in in_memory),
            "budget": sum(tier.budget for tier in in_memory),
            **{f"{name}_share": told[name].nbytes / max(told[name].budget, 1) for name in _TIERS},
            "file": files,
        }

    def _report(self, cache: Trees, commits: int) -> dict[str, Any]:
        told = cache.statistics()
        return {
            "commits": commits,
            "hit_rate": told.hit_rate,
            "parses": told.parses, "reparses": told.reparses, "unparsed": told.unparsed, "failures": told.failures,
            "tiers": {name: {"entries": tier.entries, "nbytes": tier.nbytes, "budget": tier.budget, "hits": tier.hits,
                             "promotions": tier.promotions, "demotions": tier.demotions, "evictions": tier.evictions,
                             "damaged": tier.damaged} for name, tier in told.tiers.items()},
            "outcomes": [[*key, count] for key, count in sorted(self.outcomes.items())],
            "memory": self.memory,
        }  # fmt: skip


def _state(cache: Trees) -> dict[str, int]:
    told = cache.statistics()
    hits = {name: tier.hits for name, tier in told.tiers.items()}
    return {**hits, "parse": told.parses, "reparse": told.reparses}


def _folders(commit: Commit) -> list[str]:
    """Return the folders of the files that a commit left there; deleted folders aren't listed."""
    return sorted({file.path.rpartition("/")[0] for file in commit.files if file.new is not None})


def replay_figures(history: Path, name: str, commits: int) -> Iterator[Figure]:
    """Replay with the default budgets and with small ones, in processes of their own, and yield what came of it."""
    for share in SHARES:
        command = (sys.executable, "-m", "benchmarks.cst.cache_replay", "--history", history, "--commits", str(commits),
                   "--share", str(share))  # fmt: skip
        told = json.loads(run(command, codes=(0,)).output)
        size = "default budgets" if share == 1 else f"budgets of 1/{round(1 / share)}"
        yield from told_figures(f"{name}, {size}", told)


def told_figures(title: str, told: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield the figures of one replay's report."""
    outcomes = Counter({tuple(key): count for *key, count in told["outcomes"]})
    total = sum(outcomes.values())
    if not total:
        return
    rate = 100 * sum(count for (*_, answer), count in outcomes.items() if answer in _TIERS) / total
    yield Figure(PART, f"{title}: hit rate", rate, "%", HIT_BAR,
                 at_least=True, note=f"{total:,} look-ups in {told['commits']:,} commits", details=told)  # fmt: skip
    for known, meaning in (("seen", "looked up before"), ("new", "never seen")):
        counts = Counter[str]()
        for (_, how, answer), count in outcomes.items():
            counts[answer] += count if how == known else 0
        hits = sum(counts[tier] for tier in _TIERS)
        some = counts.total()
        if some:
            yield Figure(PART, f"{title}: hits among versions {meaning}", 100 * hits / some, "%",
                         note=f"{some:,} look-ups: {_listed(counts)}")  # fmt: skip
    yield from _by_reader(title, outcomes)
    yield from _parsing(title, told, outcomes)
    yield from _memory_figures(title, told)


def _by_reader(title: str, outcomes: Counter[tuple[str, ...]]) -> Iterator[Figure]:
    """Yield how many of each reader's look-ups a tier answered, those before which nothing could be known included."""
    readers: dict[str, Counter[str]] = {}
    for (who, _, answer), count in outcomes.items():
        readers.setdefault(who, Counter())[answer] += count
    listed = "; ".join(
        f"{who} {100 * sum(counts[tier] for tier in _TIERS) / counts.total():.1f}% of {counts.total():,}"
        for who, counts in readers.items()
    )
    hits = Counter[str]()
    for counts in readers.values():
        hits.update({tier: counts[tier] for tier in _TIERS})
    share = 100 * hits["hot"] / max(hits.total(), 1)
    yield Figure(PART, f"{title}: hits that the hot tier answered", share, "%", note=f"{_listed(hits)}; {listed}")


def _parsing(title: str, told: Mapping[str, Any], outcomes: Counter[tuple[str, ...]]) -> Iterator[Figure]:
    edits = Counter[str]()
    for (who, _, answer), count in outcomes.items():
        edits[answer] += count if who == "edit" else 0
    made = edits["parse"] + edits["reparse"]
    if made:
        yield Figure(PART, f"{title}: edits parsed incrementally", 100 * edits["reparse"] / made, "%",
                     note=f"{told['parses']:,} whole parses, {told['reparses']:,} incremental in all, "
                          f"{told['unparsed']} gave no tree, {told['failures']} failures of the disk")  # fmt: skip


def _memory_figures(title: str, told: Mapping[str, Any]) -> Iterator[Figure]:
    memory = told["memory"]
    if not memory:
        return
    most = max(one["measured"] / one["budget"] for one in memory)
    frozen, file = (max(one[name] for one in memory) for name in ("frozen_share", "file"))
    note = f"frozen {frozen:.2f} of its budget at most, its file {file / 1e6:.1f} MB"
    yield Figure(PART, f"{title}: measured memory over the budget, most", most, "x", MEMORY_BAR, note=note)
    filled = [one for one in memory if one["charged"] >= _FILLED_BYTES]
    if not filled:
        return
    worst = max(filled, key=lambda one: one["measured"] / one["charged"])
    ratio = worst["measured"] / worst["charged"]
    sizes = [f"{worst[name] / 1e6:.1f}" for name in ("measured", "charged", "budget")]
    note = "{} MB where {} are charged, of {}".format(*sizes)
    yield Figure(PART, f"{title}: measured memory over what is charged, most", ratio, "x", MEMORY_BAR, note=note)


def _listed(counts: Counter[str]) -> str:
    total = max(counts.total(), 1)
    return ", ".join(f"{name} {100 * count / total:.1f}%" for name, count in counts.most_common() if count)


def main() -> int:
    """Run one replay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--commits", type=int, required=True)
    parser.add_argument("--share", type=float, default=1.0)
    args = parser.parse_args()
    tracemalloc.start()
    with tempfile.TemporaryDirectory() as scratch, Repository(args.history) as repository:
        print(json.dumps(Replay(repository, Path(scratch), budgets(args.share)).run(args.commits)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
