"""What if one bit of a file turns? A whole check finds it, each time; repair mends it; who reads on gets one error."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos.campaign import Campaign
from chaos.child import Answer, Child, Order
from chaos.contents import Place, digest, expected, faults, rebuilt
from chaos.sources import Files, edited, planted, write
from treeseek.store import Aliases
from treeseek.store.durable import VERSION_HINT

__all__ = ["CLASSES", "files_of", "flip_any", "run"]

CLASSES = (
    "CURRENT", "aliases.log", "journal", "data", "_deletions", "_indices", "_transactions", "_versions", "hint",
)  # fmt: skip
_SYNCS = 6


def files_of(index: Path, kind: str) -> list[Path]:
    """Return the files of a class in the newest generation of an index."""
    generation = max(index.glob("gen-*"))
    table = generation / "units.lance"
    if kind in ("CURRENT", "aliases.log"):
        found = [index / kind]
    elif kind == "journal":
        found = [generation / kind]
    elif kind == "hint":
        found = [table / VERSION_HINT]
    else:
        found = sorted(path for path in (table / kind).rglob("*") if path != table / VERSION_HINT)
    return [path for path in found if path.is_file() and path.stat().st_size]


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file, in place of which a new one is put: others may be linked to the old one."""
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.unlink()
    path.write_bytes(data)


def flip_any(rng: random.Random, index: Path) -> str:
    """Turn a bit anywhere in an index; return in what."""
    kind = rng.choice([kind for kind in CLASSES if files_of(index, kind)])
    path = rng.choice(files_of(index, kind))
    flip(path, rng.randrange(path.stat().st_size * 8))
    return f"{kind}: {path.name}"


def run(campaign: Campaign, flips: int, repairs: int) -> None:
    """Flip so many bits in each class of file, and repair so many of them."""
    child = Child(campaign.scratch / "child.log")
    try:
        sound = _indexed(campaign, child)
        for kind in CLASSES:
            if not files_of(sound.place.index, kind):
                campaign.judge(f"preparing {kind}", ["the index has no such file"], sound.place.base)
                continue
            for number in range(flips):
                _flipped(campaign, sound, kind, repaired=number < repairs, child=child)
        for number in range(max(repairs, flips // 10)):
            _cache_flipped(campaign, child, number)
    finally:
        child.close()


@dataclass(frozen=True, slots=True)
class _Sound:
    """An index that holds `files`; `ever` are the digests of all that it has held."""

    place: Place
    files: Files
    ever: set[str]


def _indexed(campaign: Campaign, child: Child) -> _Sound:
    """Return a place with an index that has all classes of files, of several versions."""
    place = Place(campaign.place("sound"))
    files: Files = {}
    after = planted(campaign.rng)
    ever: set[str] = set()
    for _ in range(_SYNCS):
        write(place.root, files, after)
        files, after = after, edited(campaign.rng, after)
        child.ask(Order("sync", str(place.base)))
        ever.add(digest(expected(files)))
    if not Aliases(place.index).path.exists():  # whether anything was renamed is chance
        Aliases(place.index).record([("0" * 16, "1" * 16)])
    campaign.judge("preparing", faults(place.index, [expected(files)]), place.base)
    return _Sound(place, files, ever)


def _flipped(campaign: Campaign, sound: _Sound, kind: str, *, repaired: bool, child: Child) -> None:
    """Flip a bit, look for it, read in spite of it, and put the file back; or have the flip repaired in a copy."""
    place = sound.place
    path = campaign.rng.choice(files_of(place.index, kind))
    bit = campaign.rng.randrange(path.stat().st_size * 8)
    campaign.counts[f"flips: {kind}"] += 1
    what = f"bit {bit} of {path.relative_to(place.index)}"
    if repaired:
        _repaired(campaign, sound, kind, path.relative_to(place.index), bit, child)
    aside = campaign.scratch / "aside"
    path.rename(aside)
    path.write_bytes(aside.read_bytes())
    flip(path, bit)
    answer, _ = child.ask(Order("verify", str(place.base)))
    is_found = answer.outcome == "done" and any(kind != "leftover" for kind in answer.problems)
    campaign.counts[f"found: {kind}"] += is_found
    campaign.judge(what, [] if is_found else [f"it isn't found: {_told(answer)}"], place.base)
    answer, _ = child.ask(Order("read", str(place.base)))
    is_true = answer.outcome != "done" or answer.digest in sound.ever
    campaign.counts[f"read in spite of it: {kind} {answer.outcome if is_true else 'wrong'}"] += 1
    campaign.judge(f"reading after {what}", _misread(kind, answer, is_true=is_true), place.base)
    aside.replace(path)


def _told(answer: Answer) -> str:
    return " ".join(filter(None, [answer.outcome, answer.error, answer.message, answer.trace]))


def _misread(kind: str, answer: Answer, *, is_true: bool) -> Iterator[str]:
    """Yield what goes wrong when a damaged index is read: it may refuse in one line, or tell what it held before.

    Only data is too large to be checked whenever it is read: what is then read wrong, and whether Lance dies of it, is
    counted.
    """
    if answer.outcome == "died" and kind != "data":
        yield f"the reader dies of signal {answer.signal}"
    if not is_true and kind != "data":
        yield "rows are read that never were there"
    if answer.trace or "\n" in answer.message:
        yield f"reading raises {answer.error}: {answer.message} {answer.trace}"


def _repaired(campaign: Campaign, sound: _Sound, kind: str, name: Path, bit: int, child: Child) -> None:
    """Flip a bit in a copy and have it repaired: it must come to equal a fresh index."""
    copy = Place(campaign.place("copy"))
    write(copy.root, {}, sound.files)
    shutil.copytree(sound.place.index, copy.index)
    flip(copy.index / name, bit)
    answer, _ = child.ask(Order("repair", str(copy.base)))
    broken = [] if answer.outcome == "done" else [f"repair: {answer.outcome} {answer.message} {answer.trace}"]
    broken += [*faults(copy.index, [expected(sound.files)]), *rebuilt(copy, sound.files)]
    campaign.judge(f"repairing bit {bit} of {name}", broken, copy.base)
    campaign.counts[f"repaired and equal to a fresh index: {kind}"] += not broken


def _cache_flipped(campaign: Campaign, child: Child, number: int) -> None:
    """Flip bits all over the cache of trees, and sync: nothing but speed may change, and nobody may die."""
    if number % 20 == 0 or not (campaign.scratch / "cached").exists():
        campaign.place("cached")
    place = Place(campaign.scratch / "cached")
    before = {path.relative_to(place.root).as_posix(): path.read_bytes() for path in place.root.rglob("*.*")}
    files = edited(campaign.rng, before) if before else planted(campaign.rng)
    write(place.root, before, files)
    cached = [path for path in (place.base / "cache").rglob("*") if path.is_file() and path.stat().st_size]
    for _ in range(8 if cached else 0):
        path = campaign.rng.choice(cached)
        flip_in_place(path, campaign.rng.randrange(path.stat().st_size * 8))
    answer, _ = child.ask(Order("sync", str(place.base)))
    campaign.counts["cache flips"] += 8 if cached else 0
    broken = [] if answer.outcome == "done" else [
        f"sync: {answer.outcome} {answer.signal or ''} {answer.message} {answer.trace}"
    ]  # fmt: skip
    if campaign.judge(
        f"flips in the cache, sync {number}", [*broken, *faults(place.index, [expected(files)])], place.base
    ):
        shutil.rmtree(place.base)


def flip_in_place(path: Path, bit: int) -> None:
    """Turn one bit of a file that others may have open or mapped."""
    with path.open("r+b") as file:
        file.seek(bit // 8)
        (byte,) = file.read(1)
        file.seek(bit // 8)
        file.write(bytes([byte ^ 1 << bit % 8]))
