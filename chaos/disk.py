"""What if the disk is full, fails, or may not be written? Each file operation of a sync is made to fail, one by one.

For every act, errno and mode, operation 1 fails, then 2, and so on, until the act goes through untouched; each time on
the same index, put back from a copy. Then the command itself in a process of its own, and a file system that is full.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaos import preload
from chaos.campaign import Campaign
from chaos.child import Answer, Child, Order
from chaos.contents import Content, Place, expected, faults, rebuilt
from chaos.sources import Files, edited, planted, write
from treeseek import errors

__all__ = ["run"]

ERRNOS = ("ENOSPC", "EIO", "EACCES")
_FRESH_EVERY = 25
_MOST_OPERATIONS = 2_000
_SYNCS = 5
_CACHE = "cache"


@dataclass(frozen=True, slots=True)
class _Case:
    """An act on an index that holds `before`, or none; after it, it holds `after`."""

    act: str
    place: Place
    files: Files
    before: Content | None
    after: Content
    watched: str = "data"

    @property
    def name(self) -> str:
        return f"{'first ' if self.before is None else ''}{self.act}{' of the cache' if self.watched == _CACHE else ''}"

    def put_back(self) -> None:
        for name in ("data", _CACHE):
            shutil.rmtree(self.place.base / name, ignore_errors=True)
            with suppress(FileNotFoundError):
                shutil.copytree(self.place.base / "saved" / name, self.place.base / name)


def run(campaign: Campaign, *, short: bool) -> None:
    """Let each operation fail; if `short`, some of them."""
    library = preload.built(campaign.scratch)
    child = Child(campaign.scratch / "child.log", preload.environment(library))
    try:
        for case in _cases(campaign, child):
            for error in ERRNOS:
                for stays in (False, True):
                    _every_operation(campaign, child, case, error, stays, step=_step(case, short=short))
            if case.watched != _CACHE and case.act != "tidy":
                _commands(campaign, child, library, case, step=47 if short else 3)
        _full(campaign, child, levels=4 if short else 40)
    finally:
        child.close()


def _step(case: _Case, *, short: bool) -> int:
    """Return how far the operations that fail lie apart; maintenance has many alike."""
    return (31 if case.act == "tidy" else 13) if short else 1


def _cases(campaign: Campaign, child: Child) -> Iterator[_Case]:
    for act in ("sync", _CACHE, "tidy", "rebuild", "first"):
        place = Place(campaign.place(act))
        files: Files = {}
        after = planted(campaign.rng)
        for _ in range(0 if act == "first" else _SYNCS):
            write(place.root, files, after)
            files, after = after, edited(campaign.rng, after)
            child.ask(Order("sync", str(place.base)))
        after["changed.py"] = b"def changed(): pass\n"  # whatever else is changed, there is a file to be analysed
        before = expected(files) if files else None
        for name in ("data", _CACHE):
            with suppress(FileNotFoundError):
                shutil.copytree(place.base / name, place.base / "saved" / name)
        if act != "tidy":
            write(place.root, files, after)
            files = after
        done = "sync" if act in (_CACHE, "first") else act
        yield _Case(done, place, files, before, expected(files), watched=_CACHE if act == _CACHE else "data")


def _every_operation(campaign: Campaign, child: Child, case: _Case, error: str, stays: bool, step: int) -> None:
    nth = 1 + campaign.rng.randrange(step)
    while nth < _MOST_OPERATIONS:
        case.put_back()
        order = Order(case.act, str(case.place.base), fault=(nth, error, stays),
                      watched=(str(case.place.base / case.watched),))  # fmt: skip
        answer, _ = child.ask(order)
        if answer.outcome != "died" and not answer.struck:
            return
        operation = answer.struck.partition(" ")[0]
        campaign.counts[f"{error} {'for good' if stays else 'once'}: {operation}"] += 1
        campaign.counts[f"faults in {case.name}: {answer.outcome}"] += 1
        what = f"{case.name}, {error} {'from' if stays else 'at'} operation {nth} ({answer.struck}): {answer.outcome}"
        broken = [*_misbehaviour(answer, case), *faults(case.place.index, _allowed(case, answer))]
        campaign.judge(what, broken, case.place.base)
        _goes_on(campaign, child, case, what, is_compared=(nth // step) % _FRESH_EVERY == 0)
        nth += step


def _allowed(case: _Case, answer: Answer) -> list[Content | None]:
    return [case.after] if answer.outcome == "done" else [case.before, case.after]


def _misbehaviour(answer: Answer, case: _Case) -> Iterator[str]:
    """Yield what is wrong with how an act ended."""
    if answer.outcome == "died":
        yield f"the process died of signal {answer.signal}"
    if answer.outcome == "failed":
        kind = getattr(errors, answer.error, None)
        if kind is None or not issubclass(kind, errors.TreeseekError):
            yield f"it raises {answer.error}: {answer.message} {answer.trace}"
        if "\n" in answer.message.strip():
            yield f"the error has several lines: {answer.message}"
        if case.watched == _CACHE:
            yield f"the cache's failure is the sync's: {answer.message}"


def _goes_on(campaign: Campaign, child: Child, case: _Case, what: str, *, is_compared: bool) -> None:
    """With the fault gone, a sync must make all good."""
    answer, _ = child.ask(Order("sync", str(case.place.base)))
    broken = [] if answer.outcome == "done" else [f"{answer.error}: {answer.message} {answer.trace}"]
    broken += faults(case.place.index, [case.after])
    if is_compared:
        broken += rebuilt(case.place, case.files)
        campaign.counts["compared with a fresh index"] += 1
    campaign.judge(f"the sync after {what}", broken, case.place.base)


# -- the command in a process of its own -------------------------------------------------------------------------------


def _commands(campaign: Campaign, child: Child, library: Path, case: _Case, step: int) -> None:
    """Let operations of `treeseek index` fail: it must end with 0, or with 2 and one line."""
    arguments = [str(case.place.root), *(["--rebuild"] if case.act == "rebuild" else [])]
    watched = (str(case.place.base / "data"),)
    case.put_back()
    answer, _ = child.ask(Order(case.act, str(case.place.base), fault=(0, "EIO", False), watched=watched))
    for nth in range(1, answer.operations + 1, step):
        case.put_back()
        error, stays = ERRNOS[nth // step % 3], nth // step % 2 == 1
        done = command(case.place, ["index", *arguments], preload.armed(library, nth, error, stays, watched))
        campaign.counts[f"faults in `treeseek index`: exit code {done.returncode}"] += 1
        broken = list(_bad_manners(done))
        allowed = [case.after] if done.returncode == 0 else [case.before, case.after]
        broken += faults(case.place.index, allowed)
        campaign.judge(f"`treeseek index`, {case.name}, {error} at operation {nth}", broken, case.place.base)


def command(place: Place, arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run treeseek's command on a place."""
    told = {"TREESEEK_DATA_DIR": str(place.settings.data_dir), "TREESEEK_CACHE_DIR": str(place.settings.cache_dir)}
    return subprocess.run(
        [sys.executable, "-m", "treeseek", *arguments], env={**os.environ, **told, **environment},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def _bad_manners(done: subprocess.CompletedProcess[str]) -> Iterator[str]:
    """Yield what a user shouldn't see of a command that failed."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if done.returncode not in (0, 2):
        yield f"exit code {done.returncode}"
    if any(word in done.stderr for word in ("Traceback", "panicked", "a defect of treeseek")):
        yield f"a defect shows: {lines[-1]}"
    if done.returncode == 2 and len(lines) != 1:
        yield f"{len(lines)} lines of error: {done.stderr[:500]!r}"


# -- a file system that is really full ---------------------------------------------------------------------------------


def _full(campaign: Campaign, child: Child, levels: int) -> None:
    """Sync on a small file system with less and less room, then with room again."""
    place = Place(campaign.place("full"))
    data = place.base / "data"
    data.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(data)], capture_output=True)
    if mounted.returncode:
        campaign.notes.append("the test with a full file system was left out: mounting a tmpfs isn't permitted")
        return
    try:
        _fill(campaign, child, place, levels)
    finally:
        subprocess.run(["umount", "--lazy", str(data)], check=True)  # a worker that is just ending may still hold it


def _fill(campaign: Campaign, child: Child, place: Place, levels: int) -> None:
    files = planted(campaign.rng)
    write(place.root, {}, files)
    child.ask(Order("sync", str(place.base)))
    before = expected(files)
    ballast = place.base / "data" / "ballast"
    for level in range(levels):
        after = edited(campaign.rng, files)
        write(place.root, files, after)
        files = after
        room = 4096 * (level * 40 // levels)
        free = shutil.disk_usage(place.base / "data").free
        ballast.write_bytes(bytes(max(0, free - room)))
        answer, _ = child.ask(Order("sync", str(place.base)))
        campaign.counts[f"syncs on a full file system: {answer.outcome}"] += 1
        what = f"a sync with {room:,} bytes of room: {answer.outcome} {answer.message}"
        case = _Case("sync", place, files, before, expected(files))
        broken = [*_misbehaviour(answer, case), *faults(place.index, _allowed(case, answer))]
        campaign.judge(what, broken, place.base)
        ballast.unlink()
        _goes_on(campaign, child, case, what, is_compared=level % 5 == 0)
        child.ask(Order("tidy", str(place.base)))
        before = expected(files)
