"""Whether ids hold over a real history: kept by what stays, found again by what is renamed, never passed on.

A declaration's lineage is followed from version to version by `compare`, an id by itself; where they disagree, an id
has come to mean another thing, or a thing got another id. The judge is part of what is judged: what `compare` pairs is
printed for people to look at.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.cst.figures import Figure
from benchmarks.cst.histories import Commit
from treeseek.syntax.compare import DeclarationChange, compare, find_again
from treeseek.syntax.identity import declaration_ids
from treeseek.syntax.parsed import Declared, parse_file, similarity

__all__ = ["Again", "Lineages", "lineage_figures", "replayed", "write_sample"]

PART = "ids over a history"
KEPT_BAR = 99.0
SAMPLE = 50
_DEADLINE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Again:
    """A declaration that was found again under another name or in another place, with how similar the two are."""

    commit: str
    path: str
    new_path: str
    kind: str
    old_name: str
    new_name: str
    old_signature: str
    new_signature: str
    similarity: float


@dataclass(frozen=True, slots=True)
class _Version:
    """What a file declares, with the id and the lineage of each declaration."""

    declarations: tuple[Declared, ...]
    ids: tuple[str, ...]
    lineages: tuple[int, ...]


@dataclass(slots=True)
class Lineages:
    """What was seen in a replay. `anchors` and `holders` are of every id that ever was: its anchor, and the lineage
    that last had it.

    `clashes` are ids of two anchors; `stolen` went over to another declaration while the one before lives on,
    `inherited` when it went; `returned` came back after an absence, with the same anchor.
    """

    files: int = 0
    same_anchor: int = 0
    kept: int = 0
    other_anchor: int = 0
    free: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    again: list[Again] = field(default_factory=list)
    across: list[Again] = field(default_factory=list)
    clashes: list[str] = field(default_factory=list)
    stolen: list[str] = field(default_factory=list)
    inherited: list[str] = field(default_factory=list)
    returned: int = 0
    anchors: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
    holders: dict[str, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)
    _versions: dict[str, _Version] = field(default_factory=dict)

    def replay(self, commit: Commit) -> None:
        """Look at what one commit did to each file, and between files."""
        lost: list[tuple[str, Declared]] = []
        come: list[tuple[str, Declared]] = []
        for file in commit.files:
            old = self._before(file.path, file.old, file.language)
            new = _declared(file.new, file.language)
            changes = compare(old.declarations, new)
            self._follow(commit.name, file.path, old, new, changes)
            lost += [(file.path, old.declarations[one.old]) for one in changes if one.status == "removed"]
            come += [(file.path, new[one.new]) for one in changes if one.status == "added"]
        self._across(commit.name, lost, come)

    def _before(self, path: str, data: bytes | None, language: str) -> _Version:
        """Return the version of a file before a commit: the one that the last commit left, or one just met."""
        if data is None:
            return _Version((), (), ())
        found = self._versions.get(path)
        if found is None:
            declarations = _declared(data, language)
            ids = tuple(declaration_ids(path, declarations))
            found = _Version(declarations, ids, tuple(next(self._numbers) for _ in ids))
            self._hold(path, _Version((), (), ()), found)
        return found

    def _follow(
        self, commit: str, path: str, old: _Version, new: Sequence[Declared], changes: Sequence[DeclarationChange]
    ) -> None:
        ids = tuple(declaration_ids(path, new))
        pairs = {one.new: one for one in changes if one.new >= 0}
        lineages = tuple(
            old.lineages[pairs[at].old] if pairs[at].old >= 0 else next(self._numbers) for at in range(len(new))
        )
        after = _Version(tuple(new), ids, lineages)
        if old.declarations and new:
            self.files += 1
            for one in pairs.values():
                if one.old >= 0:
                    self._judge(commit, path, one, old, after)
        self._hold(path, old, after)
        self._versions[path] = after

    def _judge(self, commit: str, path: str, change: DeclarationChange, old: _Version, new: _Version) -> None:
        """Count a pair: with the same anchor its id should stay; with another it should be found again by alias."""
        was, now = old.declarations[change.old], new.declarations[change.new]
        self.statuses[change.status] += 1
        if _anchor(path, was) != _anchor(path, now):
            self.other_anchor += change.status in ("unchanged", "moved")
            if change.status in ("renamed", "moved"):
                self.again.append(_found(commit, path, path, was, now))
                self.free += old.ids[change.old] not in new.ids
        elif change.status in ("unchanged", "moved"):
            self.same_anchor += 1
            if old.ids[change.old] == new.ids[change.new]:
                self.kept += 1
            else:
                self.lost.append(f"{commit[:10]} {path}: {now.kind} {now.name}")

    def _hold(self, path: str, old: _Version, new: _Version) -> None:
        """Note who has which id now."""
        before, living = dict(zip(old.ids, old.lineages, strict=True)), set(new.lineages)
        for name, lineage, one in zip(new.ids, new.lineages, new.declarations, strict=True):
            known = self.anchors.setdefault(name, _anchor(path, one))
            where = f"{path}: {one.kind} {one.name} {one.signature[:80]}"
            if known != _anchor(path, one):
                self.clashes.append(where)
            holder = self.holders.get(name, lineage)
            if holder != lineage and holder in living:
                self.stolen.append(where)
            elif holder != lineage and name in before:
                self.inherited.append(where)
            elif holder != lineage:
                self.returned += 1
            self.holders[name] = lineage

    def _across(self, commit: str, lost: list[tuple[str, Declared]], come: list[tuple[str, Declared]]) -> None:
        """Find again in other files what one commit took away."""
        for at, now in find_again([one for _, one in lost], [one for _, one in come]):
            if lost[at][0] != come[now][0]:
                self.across.append(_found(commit, lost[at][0], come[now][0], lost[at][1], come[now][1]))


def _declared(data: bytes | None, language: str) -> tuple[Declared, ...]:
    found = parse_file(data, language, deadline_seconds=_DEADLINE_SECONDS) if data is not None else None
    return found.declarations if found else ()


def _anchor(path: str, one: Declared) -> tuple[str, str, str, str]:
    return path, one.kind, one.name, one.signature


def _found(commit: str, path: str, new_path: str, was: Declared, now: Declared) -> Again:
    return Again(commit[:10], path, new_path, now.kind, was.name, now.name, was.signature, now.signature,
                 similarity(was.sketch, now.sketch))  # fmt: skip


def replayed(commits: Iterable[Commit]) -> Lineages:
    """Replay commits, the oldest first."""
    found = Lineages()
    for commit in commits:
        found.replay(commit)
    return found


def lineage_figures(name: str, found: Lineages) -> Iterator[Figure]:
    """Yield what became of ids in one repository's history."""
    if found.same_anchor:
        note = f"{found.same_anchor:,} in {found.files:,} edited files"
        yield Figure(PART, f"{name}: unchanged or moved in the file, same anchor, id kept",
                     100 * found.kept / found.same_anchor, "%", KEPT_BAR, at_least=True, note=note,
                     details={"lost": found.lost})  # fmt: skip
    reached = found.same_anchor + found.other_anchor
    if reached:
        yield Figure(PART, f"{name}: the same, whatever the anchor", 100 * found.kept / reached, "%",
                     note=f"{found.other_anchor:,} got another anchor, mostly with what is around them")  # fmt: skip
    for what, some, meaning in (
        ("ids of two anchors", found.clashes, ""),
        ("ids taken over while the holder lives on", found.stolen, ""),
        ("ids taken over as the holder goes", found.inherited, "same anchor, judged another declaration"),
    ):
        bar = None if some is found.inherited else 0
        note = "; ".join([*([meaning] if meaning else []), f"of {len(found.anchors):,} ids"])
        yield Figure(PART, f"{name}: {what}", len(some), "ids", bar, note=note, details={"where": some[:200]})
    yield Figure(PART, f"{name}: ids that came back after an absence", found.returned, "ids", note="same anchor again")
    if found.again:
        note = f"{len(found.again):,} pairs; {len(found.across):,} more in other files; {_listed(found.statuses)}"
        yield Figure(PART, f"{name}: renamed or moved in the file, old id free to lead to the new one",
                     100 * found.free / len(found.again), "%", note=note)  # fmt: skip


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def write_sample(found: Lineages, name: str, folder: Path, seed: int = 0) -> Path:
    """Write a sample of pairs that were found again, a JSON object a line, for people to judge; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"cst-renames-{name.replace('/', '-')}.jsonl"
    draw = random.Random(seed)
    named = [one for one in found.again if one.old_name.rpartition(".")[2] != one.new_name.rpartition(".")[2]]
    chosen = draw.sample(named, min(SAMPLE, len(named)))
    chosen += draw.sample(found.across, min(SAMPLE // 2, len(found.across)))
    target.write_text("".join(json.dumps(asdict(one)) + "\n" for one in chosen), encoding="utf-8")
    return target
