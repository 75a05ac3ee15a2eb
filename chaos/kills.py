"""What if the process is killed, at any step or at any time? Real syncs, upkeep and repairs, ended by SIGKILL.

One index lives through all rounds of syncs, rebuilds and maintenance. First indexes, migrations and repairs have places
of their own, as each round needs a new beginning. What is struck next is what was struck least so far.
"""

from __future__ import annotations

import shutil
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from chaos.campaign import Campaign
from chaos.child import Answer, Child, Order
from chaos.contents import Content, Place, expected, faults, held, of_rows, rebuilt
from chaos.flips import flip_any
from chaos.sources import Files, edited, planted, write
from treeseek import Engine
from treeseek.errors import TreeseekError
from treeseek.store import steps

__all__ = ["run"]

FIXTURE = Path("tests/compat/indexes/format-1.0.tar.xz")
AT_RANDOM = "at random"
_SHARES = {"sync": 10, "tidy": 4, "rebuild": 2, "first": 2, "migrate": 1, "repair": 2}
"""How often each kind of round comes, in proportion."""
_FRESH_EVERY = 20
_TRIES = 4
"""Syncs in which a step is waited for, before another one is tried."""


@dataclass(slots=True)
class _State:
    """A place, what its tree holds, and what its index may hold: what was acknowledged, and what was begun since."""

    place: Place
    files: Files
    acknowledged: Content | None = None
    begun: list[Content] = field(default_factory=list)

    def allowed(self) -> list[Content | None]:
        return [self.acknowledged, *self.begun]

    def edit(self, campaign: Campaign) -> None:
        after = edited(campaign.rng, self.files)
        write(self.place.root, self.files, after)
        self.files = after

    def begin(self) -> None:
        self.begun.append(expected(self.files))

    def acknowledge(self) -> None:
        self.acknowledged, self.begun = expected(self.files), []


@dataclass(slots=True)
class _Kills:
    """The campaign's workers, what was struck how often, and how long each act takes."""

    campaign: Campaign
    child: Child
    known: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in _SHARES})
    """The steps seen in each kind of round, with how often they came in one."""
    struck: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, act: str, kind: str, place: Place, target: str = "") -> tuple[Answer, bool]:
        """Have an act done, struck at `target` if it gets there."""
        strike, kill_after = None, None
        if target == AT_RANDOM:
            kill_after = self.campaign.rng.random() * 1.2 * median(self.seconds.get(kind) or [0.3])
        elif target:
            strike = target, self.campaign.rng.randint(1, self.known[kind][target])
        answer, lives = self.child.ask(Order(act, str(place.base), strike), kill_after=kill_after)
        self.known[kind] |= Counter(answer.steps)
        if answer.outcome == "done":
            self.seconds.setdefault(kind, []).append(answer.seconds)
        if not lives:
            self.struck[kind, target] += 1
            self.campaign.counts[f"kills in {kind}: {target}"] += 1
        return answer, lives

    def target(self, kind: str) -> str:
        """Return the step that was tried least in this kind of round, or no step but any time."""
        if not self.known[kind] or self.campaign.rng.random() < 0.3:
            return AT_RANDOM
        wanted = sorted(self.known[kind])
        self.campaign.rng.shuffle(wanted)
        return min(wanted, key=lambda step: self.struck[kind, step] + self.missed[kind, step])


def run(campaign: Campaign, kills: int) -> None:
    """Kill so many workers."""
    child = Child(campaign.scratch / "child.log")
    try:
        _run(_Kills(campaign, child), kills)
    finally:
        child.close()


def _run(kills: _Kills, wanted: int) -> None:
    campaign = kills.campaign
    long_lived = _started(kills, "long-lived")
    reader = long_lived.place.engine()
    rounds = 0
    while sum(kills.struck.values()) < wanted:
        (kind,) = campaign.rng.choices(list(_SHARES), list(_SHARES.values()))
        target = kills.target(kind)
        if kind in ("sync", "tidy", "rebuild"):
            _strike(kills, long_lived, kind, target)
            if campaign.judge(f"a reader after {kind} {target}", _asked(reader), long_lived.place.base):
                reader = long_lived.place.engine()
        elif kind == "first":
            _first(kills, target)
        elif kind == "migrate":
            _migrate(kills, target)
        else:
            _repair(kills, long_lived, target)
        rounds += 1
        if rounds % _FRESH_EVERY == 0:
            _settle(kills, long_lived, f"round {rounds}")
    _settle(kills, long_lived, "the end")
    never = [step for step in steps.STEPS if not any(step == of for _, of in kills.struck)]
    if never and wanted >= 300:
        campaign.judge("counting", [f"steps that were never struck: {', '.join(never)}"], long_lived.place.base)
    campaign.counts["kills"] = sum(kills.struck.values())
    campaign.counts["rounds"] = rounds


def _started(kills: _Kills, name: str) -> _State:
    """Return a place with an index."""
    state = _planted(kills.campaign, name)
    kills.child.ask(Order("sync", str(state.place.base)))
    state.acknowledge()
    return state


def _planted(campaign: Campaign, name: str) -> _State:
    state = _State(Place(campaign.place(name)), planted(campaign.rng))
    write(state.place.root, {}, state.files)
    return state


def _strike(kills: _Kills, state: _State, kind: str, target: str) -> None:
    """Change the tree and have it synced, until the target is struck or was waited for often enough."""
    for _ in range(_TRIES):
        if kind == "sync":
            state.edit(kills.campaign)
        if kind != "tidy":
            state.begin()
        answer, lives = kills.ask(kind, kind, state.place, target)
        if answer.outcome == "done" and kind != "tidy":
            state.acknowledge()
        _judge(kills, state, f"{kind} {target}: {answer.outcome}", answer)
        if not lives:
            return
    kills.missed[kind, target] += 1
    kills.campaign.counts[f"steps waited for in vain: {kind}"] += 1


def _judge(kills: _Kills, state: _State, what: str, answer: Answer) -> None:
    """Check an index after a strike; if it is broken, begin with a new one. What was seen once must stay."""
    broken = list(faults(state.place.index, state.allowed()))
    if answer.outcome == "failed":
        broken.append(f"it failed: {answer.error}: {answer.message} {answer.trace}")
    if kills.campaign.judge(what, broken, state.place.base):
        shutil.rmtree(state.place.base / "data", ignore_errors=True)
        kills.child.ask(Order("sync", str(state.place.base)))
        state.acknowledge()
        return
    found = held(state.place.index)
    state.acknowledged, state.begun = None if found is None else of_rows(found[0]), []


def _settle(kills: _Kills, state: _State, what: str) -> None:
    """Let a sync go through, and compare with a fresh index."""
    answer, _ = kills.child.ask(Order("sync", str(state.place.base)))
    if answer.outcome == "done":
        state.acknowledge()
    _judge(kills, state, f"an untouched sync at {what}", answer)
    kills.campaign.judge(f"comparing at {what}", rebuilt(state.place, state.files), state.place.base)
    kills.campaign.counts["compared with a fresh index"] += 1


def _asked(reader: Engine) -> Iterator[str]:
    """Yield what is wrong with an engine that has been open all the time."""
    try:
        reader.search("retry the upload of a token")
    except TreeseekError as error:
        yield f"it can't search: {error}"


def _first(kills: _Kills, target: str) -> None:
    """Strike the first sync of a tree, again and again until it is through."""
    state = _planted(kills.campaign, "first")
    for _ in range(_TRIES):
        state.begin()
        answer, lives = kills.ask("sync", "first", state.place, target)
        if answer.outcome == "done":
            state.acknowledge()
        _judge(kills, state, f"first {target}: {answer.outcome}", answer)
        if lives:
            break
    _settle(kills, state, f"first {target}")


def _migrate(kills: _Kills, target: str) -> None:
    """Strike the migration of an index of the first format; its rows stay what they are."""
    base = kills.campaign.place("migrate")
    place = Place(base)
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(base / "unpacked", filter="data")
    (unpacked,) = (base / "unpacked" / "data").iterdir()
    place.index.parent.mkdir(parents=True)
    unpacked.rename(place.index)
    found = held(place.index)
    assert found is not None
    state = _State(place, {}, of_rows(found[0]))
    for _ in range(_TRIES):
        answer, lives = kills.ask("migrate", "migrate", place, target)
        broken = list(faults(place.index, state.allowed()))
        kills.campaign.judge(f"migrate {target}", broken, base)
        if lives:
            return
    answer, _ = kills.child.ask(Order("migrate", str(base)))
    broken = list(faults(place.index, state.allowed()))
    broken += [] if answer.outcome == "done" else [f"it failed: {answer.message} {answer.trace}"]
    kills.campaign.judge(f"migrating at last after {target}", broken, base)


def _repair(kills: _Kills, source: _State, target: str) -> None:
    """Damage a copy of an index, strike its repair, and have it repaired again."""
    base = kills.campaign.place("repair")
    state = _State(Place(base), source.files)
    write(state.place.root, {}, state.files)
    shutil.copytree(source.place.index, state.place.index)
    damaged = flip_any(kills.campaign.rng, state.place.index)
    for _ in range(_TRIES):
        answer, lives = kills.ask("repair", "repair", state.place, target)
        if lives:
            break
    if answer.outcome != "done":
        answer, _ = kills.child.ask(Order("repair", str(base)))
    state.acknowledge()
    broken = [] if answer.outcome == "done" else [f"it failed: {answer.error} {answer.message} {answer.trace}"]
    broken += [*faults(state.place.index, state.allowed()), *rebuilt(state.place, state.files)]
    kills.campaign.judge(f"repair {target}, after a flip in {damaged}", broken, base)
    kills.campaign.counts["compared with a fresh index"] += 1
