"""What if the power goes? Whatever was not synced by then may be there whole, in part, as zeros, or not at all.

Acts are recorded: every operation on a file, and a copy of the index at every step and before every sync (a moment).
From the operations follows what was not synced at a moment: contents of files, and names in directories. In a copy of
the moment these are cut at every length, zeroed, left out or brought back, one by one and together; then the index must
hold what was acknowledged, and a sync must make it equal to the tree.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos import preload
from chaos.campaign import Campaign
from chaos.child import Child, Order
from chaos.contents import Content, Place, expected, faults, rebuilt
from chaos.sources import Files, edited, planted, write

__all__ = ["Disk", "run"]

_SYNCS = 5
_SMALL = 700
"""Files of so many bytes are cut at every length."""
_CUTS = 48
_TOGETHER = 24
"""Variants of a moment in which all that isn't synced went wrong together, each thing in its own way."""
_ACKNOWLEDGED = {"sync": "journal.synced", "tidy": "", "rebuild": "current.flipped", "first": "current.flipped"}
"""The step from which on an act's new content must be there."""
_SYNC_EVERY = 40
_FRESH_EVERY = 10


@dataclass(slots=True)
class Disk:
    """What a sequence of operations leaves unsynced. Paths are relative to the index, its own is ""."""

    files: dict[str, int] = field(default_factory=dict)
    """What each name stands for: a number that stays when a file is renamed or linked."""
    dirty: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    """Names that were made, replaced or removed since their directory was synced."""
    made: int = 0

    def apply(self, operation: str, path: str, other: str) -> None:
        """Follow one operation."""
        if operation in ("open", "mkdir"):
            if path not in self.files:
                self._name(path, self._new())
        elif operation in ("write", "pwrite", "writev", "ftruncate", "sendfile", "copy_file_range"):
            self.dirty.add(self.files.get(path, -1))
        elif operation in ("fsync", "fdatasync"):
            self.dirty.discard(self.files.get(path, -1))
            self.names = {name for name in self.names if name.rpartition("/")[0] != path}
        elif operation in ("unlink", "rmdir"):
            self._name(path, None)
        elif operation in ("rename", "link"):
            self._move(path, other, is_link=operation == "link")

    def _new(self) -> int:
        self.made += 1
        return self.made

    def _name(self, path: str, number: int | None) -> None:
        self.names.add(path)
        if number is None:
            self.files.pop(path, None)
        else:
            self.files[path] = number

    def _move(self, path: str, other: str, *, is_link: bool) -> None:
        inside = {name: number for name, number in self.files.items() if name == path or name.startswith(path + "/")}
        for name, number in inside.items():
            self.files[other + name[len(path) :]] = number
            if not is_link:
                self.files.pop(name, None)
        self.names |= {other} if is_link else {path, other}

    def unsynced(self) -> list[str]:
        """Return the files whose content isn't synced."""
        return sorted(path for path, number in self.files.items() if number in self.dirty)


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment of an act: a copy of the index, what of it is unsynced, and the contents that it may hold."""

    act: str
    name: str
    copy: Path
    unsynced: tuple[str, ...]
    names: tuple[str, ...]
    allowed: tuple[Content | None, ...]
    earlier: tuple[_Moment, ...]

    def before(self, path: str) -> bytes | None:
        """Return the content of what a name stood for before it was last changed; None if for nothing."""
        now = self.copy / path
        for moment in reversed(self.earlier):
            then = moment.copy / path
            if not then.is_file():
                if now.exists():
                    return None
            elif not now.is_file() or then.read_bytes() != now.read_bytes():
                return then.read_bytes()
        return None

    def synced_bytes(self, path: str) -> int:
        """Return how many bytes at the beginning of an unsynced file were synced before it was added to."""
        then = next((one.copy / path for one in reversed(self.earlier) if path not in one.unsynced), None)
        old = _read(then) if then is not None else None
        return len(old) if old is not None and (_read(self.copy / path) or b"").startswith(old) else 0


Change = tuple[str, bytes | None]
"""A path with the bytes that the power cut leaves there; None for no such file."""


def run(campaign: Campaign, *, short: bool) -> None:
    """Cut the power at every moment of some acts; if `short`, at some."""
    recorder = Child(campaign.scratch / "child.log", preload.environment(preload.built(campaign.scratch)))
    child = Child(campaign.scratch / "child.log")
    try:
        for act in _ACKNOWLEDGED:
            place, files, moments = _recorded(campaign, recorder, act)
            chosen = campaign.rng.sample(moments, min(len(moments), 4)) if short else moments
            campaign.counts[f"moments: {act}"] += len(moments)
            for moment in chosen:
                _cut(campaign, child, place, files, moment, every=60 if short else 1)
    finally:
        recorder.close()
        child.close()


def _recorded(campaign: Campaign, recorder: Child, act: str) -> tuple[Place, Files, list[_Moment]]:
    place = Place(campaign.place(act))
    files: Files = {}
    after = planted(campaign.rng)
    for _ in range(0 if act == "first" else _SYNCS):
        write(place.root, files, after)
        files, after = after, edited(campaign.rng, after)
        recorder.ask(Order("sync", str(place.base)))
    before = expected(files) if files else None
    if act != "tidy":
        write(place.root, files, after)
        files = after
    into = place.base / "moments"
    into.mkdir()
    disk = Disk()
    for path in place.index.rglob("*"):
        disk.files[path.relative_to(place.index).as_posix()] = disk._new()
    answer, _ = recorder.ask(Order("sync" if act == "first" else act, str(place.base), record=str(into)))
    campaign.judge(f"recording {act}", [] if answer.outcome == "done" else [answer.message + answer.trace], place.base)
    return place, files, list(_moments(act, place, into, disk, before, expected(files)))


def _moments(
    act: str, place: Place, into: Path, disk: Disk, before: Content | None, after: Content
) -> Iterator[_Moment]:
    base = str(place.index)
    earlier: list[_Moment] = []
    is_acknowledged = False
    for line in (into / "log").read_text().splitlines():
        operation, path, other = line.split("\t")
        if operation != "mark":
            inside = [name[len(base) :].lstrip("/") if name.startswith(base) else name for name in (path, other)]
            disk.apply(operation, *inside)
            continue
        is_acknowledged |= path.endswith(_ACKNOWLEDGED[act] or "no step")
        copy = into / path
        if copy.exists():
            allowed = (after,) if is_acknowledged else (before, after)
            names = tuple(sorted(disk.names))
            earlier.append(_Moment(act, path, copy, tuple(disk.unsynced()), names, allowed, tuple(earlier)))
            yield earlier[-1]


def _cut(campaign: Campaign, child: Child, place: Place, files: Files, moment: _Moment, every: int) -> None:
    """Try the variants of a moment, or one in `every`."""
    _put(moment.copy, place.index)
    for number, (what, changes) in enumerate(_variants(campaign, moment)):
        if every > 1 and campaign.rng.randrange(every):
            continue
        saved = {path: _read(place.index / path) for path, _ in changes}
        for path, data in changes:
            _leave(place.index / path, data)
        told = f"power lost in {moment.act} at {moment.name}, {what}"
        campaign.counts[f"variants tried: {moment.act}"] += 1
        broken = campaign.judge(told, faults(place.index, moment.allowed), place.base)
        if number % _SYNC_EVERY == 0 or every > 1:
            _sync(campaign, child, place, files, told)
            _put(moment.copy, place.index)
        elif broken:
            _put(moment.copy, place.index)
        else:
            for path, data in saved.items():
                _leave(place.index / path, data)


def _sync(campaign: Campaign, child: Child, place: Place, files: Files, told: str) -> None:
    answer, _ = child.ask(Order("sync", str(place.base)))
    broken = [] if answer.outcome == "done" else [f"{answer.error}: {answer.message} {answer.trace}"]
    broken += faults(place.index, [expected(files)])
    campaign.counts["syncs after it"] += 1
    if campaign.counts["syncs after it"] % _FRESH_EVERY == 0:
        broken += rebuilt(place, files)
        campaign.counts["compared with a fresh index"] += 1
    campaign.judge(f"the sync after {told}", broken, place.base)


def _variants(campaign: Campaign, moment: _Moment) -> Iterator[tuple[str, list[Change]]]:
    """Yield what may be found after the power cut: first as it was, then each thing alone, then all together."""
    yield "nothing lost", []
    contents = {path: _read(moment.copy / path) or b"" for path in moment.unsynced if (moment.copy / path).is_file()}
    synced = {path: moment.synced_bytes(path) for path in contents}
    for path, data in contents.items():
        for length in _lengths(campaign, synced[path], len(data)):
            yield f"{path} cut at {length} of {len(data)}", [(path, data[:length])]
            if length % 8 == 0 or length == synced[path]:
                yield f"{path} zeroed from {length}", [(path, data[:length] + bytes(len(data) - length))]
    olds = {path: moment.before(path) for path in moment.names if not (moment.copy / path).is_dir()}
    names: list[Change] = [(path, old) for path, old in olds.items() if old != _read(moment.copy / path)]
    for path, old in names:
        yield f"the name {path} as it was", [(path, old)]
    kept = {path: data[: synced[path]] for path, data in contents.items()}
    yield "all content zeroed", [(path, data.ljust(len(contents[path]), b"\0")) for path, data in kept.items()]
    yield "all content gone", list(kept.items())
    yield "all names as they were", names
    for _ in range(_TOGETHER if contents or names else 0):
        lost: dict[str, bytes | None] = {
            path: data[: campaign.rng.randint(synced[path], len(data))] for path, data in contents.items()
        }
        lost |= [change for change in names if campaign.rng.random() < 0.5]
        yield f"some of all lost: {[(path, len(data or b'')) for path, data in lost.items()]}", list(lost.items())


def _lengths(campaign: Campaign, synced: int, size: int) -> list[int]:
    """Return the lengths at which a file of so many bytes, the first of them synced, is cut."""
    if size - synced <= _SMALL:
        return list(range(synced, size))
    return sorted({synced, synced + 1, size - 1, *campaign.rng.sample(range(synced, size), _CUTS)})


def _read(path: Path) -> bytes | None:
    with suppress(OSError):
        return path.read_bytes()
    return None


def _leave(path: Path, data: bytes | None) -> None:
    """Put a new file there: others may be linked to the one that is."""
    path.unlink(missing_ok=True)
    if data is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _put(copy: Path, index: Path) -> None:
    shutil.rmtree(index, ignore_errors=True)
    shutil.copytree(copy, index)
