"""What is compared with what? Ways to index and rank, each spelled in a few words.

    shipped              as every search is made
    lexical, dense       without the model; by nothing but the model
    weights=FILE         the ranker's weights of a file
    lines                files cut by lines, as if nothing could be parsed
    NAME=VALUE           any setting, such as max_file_bytes=100000

Commas join several: `lexical,lines`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from treeseek import settings as settings_
from treeseek.errors import UsageError
from treeseek.retrieval.search import SHIPPED, Ranker
from treeseek.settings import Settings

__all__ = ["SYNTAX", "Variant", "read_variants"]

SYNTAX, LINES = "syntax", "lines"
_OWN = frozenset({"data_dir", "workers"})
"""Settings that change nothing about what is found, and would get in the way of an evaluation's own."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to index and rank: `settings` differ from those in force; `chunks` is "syntax" or "lines"."""

    name: str
    ranker: Ranker = SHIPPED
    chunks: str = SYNTAX
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs_own_index(self) -> bool:
        """Whether the root's usual index wouldn't do."""
        return self.chunks != SYNTAX or bool(self.settings)

    @property
    def index(self) -> tuple[Any, ...]:
        """What tells one index from another."""
        return (self.chunks, *sorted(self.settings.items()))

    def settled(self, base: Settings, scratch: Path) -> Settings:
        """Return the settings to open an engine with; an index of its own goes below `scratch`."""
        if not self.needs_own_index:
            return base
        own = replace(base, **self.settings, data_dir=scratch / f"{abs(hash(self.index)):x}")
        # Without time to parse, everything is cut by lines; and nothing that was parsed may be taken from the cache.
        return replace(own, parse_seconds=0.0, cache_artifact_bytes=0) if self.chunks == LINES else own


def read_variants(spelled: Sequence[str]) -> list[Variant]:
    """Return the variants that are spelled, and before them the shipped one, which the others are compared with.

    Raises UsageError for what can't be read.
    """
    found = [Variant("shipped")]
    for one in spelled:
        variant = _read(one)
        if any(variant.name == other.name for other in found):
            raise UsageError(f"{one!r} is compared already")
        found.append(variant)
    return found


def _read(spelled: str) -> Variant:
    evidence, weights, chunks = "all", None, SYNTAX
    given: dict[str, str] = {}
    for part in spelled.split(","):
        name, equals, value = part.strip().partition("=")
        if name in ("lexical", "dense") and not equals:
            evidence = name
        elif name in (SYNTAX, LINES) and not equals:
            chunks = name
        elif name == "weights" and value:
            weights = Path(value).expanduser()
        elif equals and name not in (*_OWN, "weights"):
            given[name] = value
        else:
            raise UsageError(f"{part.strip()!r} is nothing to compare: give lexical, dense, lines, weights=FILE or "
                             "a setting as NAME=VALUE")  # fmt: skip
    if evidence == "dense" and weights:
        raise UsageError(f"{spelled!r}: what ranks by the model alone has no weights")
    return Variant(spelled, Ranker(evidence, weights), chunks, _settings(given))


def _settings(given: Mapping[str, str]) -> dict[str, Any]:
    """Return settings with their values read. Raises UsageError for one that doesn't exist, or of another type."""
    read = settings_.load({}, **given) if given else None
    return {name: getattr(read, name) for name in given}
