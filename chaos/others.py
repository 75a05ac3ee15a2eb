"""What if others are at it, too? A second writer, readers while it is cleaned, the clock, users, a root that goes."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos import preload
from chaos.campaign import Campaign
from chaos.child import Answer, Child, Order
from chaos.contents import Content, Place, expected, faults, held, of_rows, rebuilt
from chaos.sources import Files, edited, planted, write
from treeseek.errors import RootError, TreeseekError
from treeseek.indexing.identity import content_hash

__all__ = ["run"]

_YOUNG_SECONDS = 0.15
_QUESTIONS = ("retry the upload", "class that parses a token", "lease", "digest of the journal", "vector_shard")


def run(campaign: Campaign, *, short: bool) -> None:
    """Try each of them; two writers, and a reader during cleaning, for a minute, or for some seconds if `short`."""
    library = preload.environment(preload.built(campaign.scratch))
    log = campaign.scratch / "child.log"
    children = [Child(log, library), Child(log)]
    seconds = 6.0 if short else 60.0
    try:
        _two_writers(campaign, children, seconds)
        _cleaning(campaign, children, seconds)
        _clock(campaign, children[0], rounds=8 if short else 100)
        _races(campaign, children[1], rounds=5 if short else 60)
        _lost_root(campaign, children[1])
        _read_only(campaign, children[0])
    finally:
        for child in children:
            child.close()


def _indexed(campaign: Campaign, child: Child, name: str) -> tuple[Place, Files]:
    place = Place(campaign.place(name))
    files = planted(campaign.rng)
    write(place.root, {}, files)
    child.ask(Order("sync", str(place.base)))
    return place, files


def _there(root: Path) -> Files:
    """Return the files that are on disk."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _failure(answer: Answer) -> list[str]:
    if answer.outcome == "done":
        return []
    return [f"{answer.outcome}: {answer.error} {answer.message} {answer.trace}"]


def _settled(campaign: Campaign, child: Child, place: Place, what: str) -> None:
    """Sync once more, undisturbed; the index must equal one made afresh of what is on disk.

    A stat that was too young to be trusted is set right by the first commit after that, not by one of its own: so
    something changes before.
    """
    time.sleep(_YOUNG_SECONDS)
    (place.root / "last.txt").write_text(f"{time.time_ns()}\n")
    files = _there(place.root)
    answer, _ = child.ask(Order("sync", str(place.base)))
    broken = [*_failure(answer), *faults(place.index, [expected(files)]), *rebuilt(place, files)]
    campaign.judge(f"the end of {what}", broken, place.base)
    campaign.counts["compared with a fresh index"] += 1


@contextmanager
def _repeated(child: Child, orders: list[Order], answers: list[Answer]) -> Iterator[None]:
    """Have a child do orders over and over meanwhile."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            answers.extend(child.ask(order)[0] for order in orders)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class _History:
    """All that the files of a tree have ever been, and what follows for the rows of each."""

    def __init__(self, files: Files) -> None:
        self.digests: dict[str, set[str]] = defaultdict(set)
        self.hashes: dict[str, set[str]] = defaultdict(set)
        self.add(files)

    def add(self, files: Files) -> None:
        for path, digest in expected(files).items():
            self.digests[path].add(digest)
            self.hashes[path].add(content_hash(files[path]))

    def strangers(self, content: Content) -> Iterator[str]:
        """Yield the files of which the index says what never was."""
        yield from (f"{path} has rows of no state that it was in" for path, digest in content.items()
                    if digest not in self.digests[path])  # fmt: skip


def _two_writers(campaign: Campaign, children: list[Child], seconds: float) -> None:
    """Two processes sync one tree, which changes all the time, and nobody loses a file or sees half of one."""
    place, files = _indexed(campaign, children[0], "writers")
    history = _History(files)
    answers: list[Answer] = []
    order = [Order("sync", str(place.base))]
    until = time.monotonic() + seconds
    with _repeated(children[0], order, answers), _repeated(children[1], order, answers):
        while time.monotonic() < until:
            after = edited(campaign.rng, files)
            history.add(after)
            _replace(place.root, files, after)
            files = after
            found = held(place.index)
            content = {} if found is None else of_rows(found[0])
            campaign.judge("reading beside two writers", history.strangers(content), place.base)
    broken = [line for answer in answers for line in _failure(answer)]
    campaign.counts["syncs of two writers"] += len(answers)
    campaign.judge("two writers", broken, place.base)
    _settled(campaign, children[0], place, "two writers")


def _replace(root: Path, before: Files, after: Files) -> None:
    """Make the tree the other one; each file is there whole at any time, so that only whole states can be seen."""
    part = root.with_name("part")
    for path, data in after.items():
        if before.get(path) != data:
            part.write_bytes(data)
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            part.replace(root / path)
    for path in before.keys() - after.keys():
        (root / path).unlink()


def _cleaning(campaign: Campaign, children: list[Child], seconds: float) -> None:
    """A reader asks while one process syncs and one drops what is old: no error, and no answer that never was true."""
    place, files = _indexed(campaign, children[0], "cleaning")
    history = _History(files)
    answers: list[Answer] = []
    until = time.monotonic() + seconds
    with place.engine() as reader, _repeated(children[0], [Order("tidy", str(place.base))], answers):
        while time.monotonic() < until:
            after = edited(campaign.rng, files)
            history.add(after)
            _replace(place.root, files, after)
            files = after
            answers.append(children[1].ask(Order("sync", str(place.base)))[0])
            for question in campaign.rng.sample(_QUESTIONS, 3):
                broken = list(_asked(lambda q=question: reader.search(q).hits, history))  # type: ignore[misc]
                campaign.counts["searches during cleaning"] += 1
                if campaign.judge(f"asking for {question!r} during cleaning", broken, place.base):
                    return
    campaign.counts["cleanings and syncs"] += len(answers)
    campaign.judge("cleaning", [line for answer in answers for line in _failure(answer)], place.base)
    _settled(campaign, children[0], place, "cleaning")


def _asked(ask: Callable[[], object], history: _History) -> Iterator[str]:
    try:
        hits = ask()
    except Exception as error:  # noqa: BLE001 - nothing may be raised
        yield f"it raises {type(error).__name__}: {error}"
        return
    yield from (f"{hit.path} never was what was found" for hit in hits  # type: ignore[attr-defined]
                if hit.content_hash not in history.hashes[hit.path])  # fmt: skip


def _clock(campaign: Campaign, child: Child, rounds: int) -> None:
    """The clock jumps by up to a day between syncs, and files have times of the future and the past."""
    place, files = _indexed(campaign, child, "clock")
    for _ in range(rounds):
        after = edited(campaign.rng, files)
        write(place.root, files, after)
        for path in after:
            if after[path] != files.get(path) and campaign.rng.random() < 0.7:
                when = time.time() + campaign.rng.uniform(-1e6, 1e6)
                os.utime(place.root / path, (when, when))
        files = after
        act = campaign.rng.choice(("sync", "sync", "sync", "tidy"))
        answer, _ = child.ask(Order(act, str(place.base), clock=campaign.rng.randint(-86_400, 86_400)))
        broken = _failure(answer)
        if act == "sync":
            broken += faults(place.index, [expected(files)])
        campaign.judge(f"{act} with the clock wrong", broken, place.base)
        campaign.counts["acts with the clock wrong"] += 1
    _settled(campaign, child, place, "the clock's jumps")


def _races(campaign: Campaign, child: Child, rounds: int) -> None:
    """Files are replaced, rewritten and removed between being seen and being read; the next sync sees what is there."""
    for number in range(rounds):
        if number % 10 == 0:
            place, _ = _indexed(campaign, child, "races")
        before = _there(place.root)
        write(place.root, before, edited(campaign.rng, before))
        answer, _ = child.ask(Order("race", str(place.base)))
        campaign.judge("files changing while they are read", _failure(answer), place.base)
        campaign.counts["syncs of files changing while they are read"] += 1
        _settled(campaign, child, place, "changing files while they are read")


def _lost_root(campaign: Campaign, child: Child) -> None:
    """The root goes away, while nobody looks and during a sync, and comes back."""
    place, files = _indexed(campaign, child, "lost-root")
    before = expected(files)
    gone = place.base / "gone"
    with place.engine() as engine:
        engine.search("retry")
        place.root.rename(gone)
        campaign.judge("sync without a root", _raises(engine.sync, RootError), place.base)
        campaign.judge("opening without a root", _raises(place.engine, RootError), place.base)
        campaign.judge("search without a root", _stays_quiet(lambda: engine.search("retry")), place.base)
        campaign.judge("after its root has gone", faults(place.index, [before]), place.base)
        place.root.write_text("a file where the root was")
        campaign.judge("sync of a file", _raises(engine.sync, RootError), place.base)
        place.root.unlink()
        place.root.mkdir()
        campaign.judge("sync of an empty root", _stays_quiet(engine.sync), place.base)
        found = held(place.index)
        left = 0 if found is None else len(found[0])
        campaign.notes.append(f"a root that is suddenly empty: a sync leaves {left} rows of {len(files)} files")
        place.root.rmdir()
        gone.rename(place.root)
    _settled(campaign, child, place, "a root's absence")
    files = _there(place.root)
    write(place.root, files, after := edited(campaign.rng, files))
    answer, _ = child.ask(Order("lose-root", str(place.base)))
    broken = _failure(answer) if answer.error != "RootError" else []
    allowed: list[Content | None] = [expected(files), expected(after)]
    campaign.judge("losing the root during a sync", [*broken, *faults(place.index, allowed)], place.base)
    if gone.exists():
        shutil.rmtree(place.root, ignore_errors=True)
        gone.rename(place.root)
    _settled(campaign, child, place, "losing the root during a sync")
    campaign.counts["ways to lose a root"] += 5


def _raises(act: Callable[[], object], kind: type[TreeseekError]) -> Iterator[str]:
    try:
        act()
    except kind as error:
        if "\n" in str(error):
            yield f"the error has several lines: {error}"
    except Exception as error:  # noqa: BLE001 - what it raises instead is told
        yield f"it raises {type(error).__name__}: {error}"
    else:
        yield f"it raises no {kind.__name__}"


def _stays_quiet(act: Callable[[], object]) -> Iterator[str]:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - nothing may be raised
        yield f"it raises {type(error).__name__}: {error}"


def _read_only(campaign: Campaign, child: Child) -> None:
    """Who may not write, or has no room to, can still read, and a sync with nothing to do writes nothing."""
    place, _ = _indexed(campaign, child, "read-only")
    _settled(campaign, child, place, "being able to write")
    (place.root / "last.txt").unlink()
    child.ask(Order("sync", str(place.base)))
    files = _there(place.root)
    watched = (str(place.base / "data"), str(place.base / "cache"))
    for error in ("EACCES", "ENOSPC", "EIO"):
        for act in ("search", "sync"):
            answer, _ = child.ask(Order(act, str(place.base), fault=(1, error, True), watched=watched))
            campaign.judge(f"{act} with {error} for whatever is written", _failure(answer), place.base)
            campaign.counts["reads where nothing can be written"] += 1
    campaign.judge("reading where nothing can be written", faults(place.index, [expected(files)]), place.base)
