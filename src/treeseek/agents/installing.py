"""What is to be done to which file, and is it done? Installing, uninstalling, and telling what is installed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treeseek.agents import blocks, files, json_entries, toml_entries
from treeseek.agents.edits import Edit
from treeseek.agents.receipts import Receipt, Receipts
from treeseek.agents.registry import AGENTS, SERVER, Agent, Place, Scope
from treeseek.errors import UsageError
from treeseek.settings import Homes

__all__ = ["Change", "Installed", "Installer", "difference"]

RECEIPTS = "agents.json"


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a file: None is that there is none. `receipt` is what to note when it is done."""

    path: Path
    before: str | None
    after: str | None
    receipt: Receipt | None

    @property
    def is_one(self) -> bool:
        """Whether anything changes."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Installed:
    """Where an agent has us: the file of its servers, and its instructions if our words are there."""

    agent: Agent
    scope: Scope
    config: Path
    command: str
    words: Path | None


class Installer:
    """Installs into the files of a project and a home. Plans first: a file that can't be edited stops all of it."""

    def __init__(self, project: Path, homes: Homes, data_dir: Path) -> None:
        """`data_dir` is where the receipts are kept."""
        self._project = project
        self._homes = homes
        self._receipts = Receipts(data_dir / RECEIPTS)

    def install(self, agent: Agent, scope: Scope, command: Sequence[str]) -> list[Change]:
        """Return what installing comes to. Raises UsageError, which names the file, for one that can't be edited."""
        entry = agent.entry(command)
        return [self._put(place, entry) for place in agent.places(scope, self._project, self._homes)]

    def uninstall(self, agent: Agent, scope: Scope, *, with_shared: bool = False) -> list[Change]:
        """Return what uninstalling comes to. Words that another agent reads which has us stay, unless `with_shared`.

        Raises UsageError as `install` does.
        """
        places = agent.places(scope, self._project, self._homes)
        shared = set() if with_shared else self._read_by_others(agent)
        return [self._taken_out(place) for place in places if place.path not in shared]

    def do(self, changes: Sequence[Change]) -> None:
        """Do what was planned. Raises UsageError if a file was changed meanwhile, or can't be written."""
        for change in changes:
            known = self._receipts.get(change.path)
            if change.after is None:
                directories = known.directories if known else ()
                files.remove(change.path, directories)
                self._receipts.keep(change.path, None)
                self._receipts.inherit([one for one in directories if one.exists()])
                continue
            made = files.made_directories(change.path) if change.is_one else []
            receipt = change.receipt
            if receipt is not None and made:
                receipt = Receipt(receipt.edit, receipt.is_new, tuple(made))
            if receipt is not None:  # first, since a receipt without its edit does no harm
                self._receipts.keep(change.path, receipt)
            if change.is_one:
                files.written(change.path, change.after, change.before)
            if receipt is None:
                self._receipts.keep(change.path, None)

    def installed(self) -> Iterator[Installed]:
        """Yield where we are installed, by agent and scope. Files that can't be read count as without us."""
        for agent in AGENTS.values():
            seen = set()
            for scope in ("project", "user"):
                config, *words = agent.places(scope, self._project, self._homes)
                entry = _entry(config)
                if entry is None or config.path in seen:
                    continue
                seen.add(config.path)
                has_words = bool(words) and blocks.has_block(_text(words[0].path))
                yield Installed(agent, scope, config.path, _command(entry), words[0].path if has_words else None)

    def seen(self) -> list[Agent]:
        """Return the agents that there are signs of."""
        return [agent for agent in AGENTS.values() if agent.is_seen(self._project, self._homes)]

    def _read_by_others(self, agent: Agent) -> set[Path]:
        """Return the files of words that other agents read which have us."""
        found: set[Path] = set()
        for one in self.installed():
            if one.agent is not agent:
                places = one.agent.places(one.scope, self._project, self._homes)
                found |= {place.path for place in places[1:]}
        return found

    def _put(self, place: Place, entry: dict[str, Any]) -> Change:
        before = files.read(place.path)
        known = self._receipts.get(place.path)
        with _Named(place.path):
            base = before if known is None or before is None else self._without_ours(place, before, known)
            edit = _edit(place, base or "", entry)
        if edit is None:  # somebody has put it there already, word for word
            return Change(place.path, before, before, known)
        is_new = before is None or (known is not None and known.is_new)
        receipt = Receipt(edit, is_new, known.directories if known else ())
        return Change(place.path, before, edit.apply(base or ""), receipt)

    def _taken_out(self, place: Place) -> Change:
        before = files.read(place.path)
        known = self._receipts.get(place.path)
        if before is None:
            return Change(place.path, None, None, None)
        with _Named(place.path):
            after = self._without_ours(place, before, known)
        return Change(place.path, before, after if after or known is None or not known.is_new else None, None)

    def _without_ours(self, place: Place, text: str, known: Receipt | None) -> str:
        """Return the text as it would be had we not come: by the receipt, or, where that is no help, by our marks."""
        undone = None if known is None else known.edit.undone(text)
        return _without(place, text) if undone is None else undone


def difference(change: Change) -> str:
    """Return a change as a unified diff."""
    old, new = ((text or "").splitlines(keepends=True) for text in (change.before, change.after))
    was, will_be = ("/dev/null" if text is None else str(change.path) for text in (change.before, change.after))
    lines = difflib.unified_diff(old, new, was, will_be)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


class _Named:
    """Puts a file's name before what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UsageError):
            raise UsageError(f"{self._path}: {error}; it is left alone") from None


def _edit(place: Place, text: str, entry: dict[str, Any]) -> Edit | None:
    if place.form == "words":
        return blocks.put(text, place.preface)
    put: Callable[..., Edit | None] = toml_entries.put if place.form == "toml" else json_entries.put
    return put(text, (*place.entries, SERVER), entry)


def _without(place: Place, text: str) -> str:
    if place.form == "words":
        return blocks.taken_out(text)
    taken_out = toml_entries.taken_out if place.form == "toml" else json_entries.taken_out
    return taken_out(text, (*place.entries, SERVER))


def _entry(place: Place) -> Any:
    entry_of = toml_entries.entry_of if place.form == "toml" else json_entries.entry_of
    try:
        return entry_of(_text(place.path), (*place.entries, SERVER))
    except UsageError:
        return None


def _text(path: Path) -> str:
    try:
        return files.read(path) or ""
    except UsageError:
        return ""


def _command(entry: Any) -> str:
    command = entry.get("command") if isinstance(entry, dict) else None
    parts = command if isinstance(command, list) else [command, *(entry.get("args") or [])] if command else []
    return " ".join(str(part) for part in parts)
