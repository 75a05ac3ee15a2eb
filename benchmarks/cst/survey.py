"""What every file of a corpus takes when stored, whether it comes back the same, and how much of it is understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from benchmarks.cst.corpus import SIX, Source
from benchmarks.cst.figures import Figure
from treeseek.errors import TreeError
from treeseek.indexing.identity import content_hash
from treeseek.syntax import codec
from treeseek.syntax.canonical import kinds_of, mapped
from treeseek.syntax.canonical.tables import TRANSPARENT
from treeseek.syntax.live import parse_live
from treeseek.syntax.parsed import ParsedFile
from treeseek.syntax.stored import decode_file, encode_file
from treeseek.syntax.tree import NAMED

__all__ = ["Totals", "size_figures", "surveyed", "unknown_figures"]

BYTES_BAR, SIX_BAR, OTHERS_BAR = 2.0, 1.0, 3.0
JUDGED_NODES = 10_000
"""A language of which there is less is listed, but has no bar."""
CLAIMED_LINES = 21_696
"""Lines per MB that the original design claims for its compact trees."""
_DEADLINE_SECONDS = 60.0


@dataclass(slots=True)
class Totals:
    """Sums over the files of one language. Sizes in bytes; `failed` are the paths that didn't come back the same."""

    files: int = 0
    source: int = 0
    lines: int = 0
    nodes: int = 0
    live: int = 0
    columns: int = 0
    tree: int = 0
    stored: int = 0
    named: int = 0
    unknown: int = 0
    vanishing: int = 0
    with_errors: int = 0
    unparsed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, other: Totals) -> None:
        """Add the sums of other files."""
        for name in self.__slots__:
            mine = getattr(self, name)
            mine = mine + getattr(other, name)
            setattr(self, name, mine)


def surveyed(files: Iterable[Source]) -> dict[str, Totals]:
    """Parse, store and load every file, and return the sums by language."""
    found: dict[str, Totals] = {}
    for file in files:
        _look_at(file, found.setdefault(file.language, Totals()))
    return found


def _look_at(file: Source, totals: Totals) -> None:
    live = parse_live(file.data, file.language, deadline_seconds=_DEADLINE_SECONDS)
    if live is None:
        totals.unparsed.append(file.path)
        return
    parsed = live.parsed()
    name = content_hash(file.data)
    tree, stored = codec.encode(parsed.tree, name), encode_file(parsed, name)
    if not _comes_back(parsed, tree, stored, name):
        totals.failed.append(file.path)
    about = mapped(parsed.tree)
    totals.files += 1
    totals.source += len(file.data)
    totals.lines += file.data.count(b"\n") + (not file.data.endswith(b"\n"))
    totals.nodes += len(parsed.tree)
    totals.live += live.nbytes - len(file.data)
    totals.columns += sum(column.nbytes for column in parsed.tree.columns)
    totals.tree += len(tree)
    totals.stored += len(stored)
    totals.named += about.named
    totals.unknown += about.unknown
    totals.vanishing += int(((kinds_of(parsed.tree) == TRANSPARENT) & (parsed.tree.flags & NAMED > 0)).sum())
    totals.kinds += about.kinds
    totals.with_errors += parsed.tree.has_errors


def _comes_back(parsed: ParsedFile, tree: bytes, stored: bytes, name: str) -> bool:
    try:
        again = decode_file(stored, name)
        return codec.decode(tree, name) == parsed.tree == again.tree and again.declarations == parsed.declarations
    except TreeError:
        return False


def size_figures(totals: dict[str, Totals]) -> Iterator[Figure]:
    """Yield the sizes over all languages, then bytes a node of each."""
    part, every = "size", Totals()
    for one in totals.values():
        every.add(one)
    if not every.nodes:
        return
    failed = [*every.failed, *every.unparsed]
    yield Figure(part, f"of {every.files:,} files, don't come back as they were", len(failed), "files", 0,
                 note=f"{every.with_errors:,} have syntax errors", details={"failed": failed})  # fmt: skip
    yield Figure(part, f"tree encoded, {every.nodes:,} nodes", every.tree / every.nodes, "bytes/node", BYTES_BAR)
    yield Figure(part, "with declarations", every.stored / every.nodes, "bytes/node", BYTES_BAR)
    for what, size in (("trees encoded", every.tree), ("with declarations", every.stored)):
        yield Figure(part, f"lines per MB (10^6 bytes), {what}", every.lines / (size / 1e6), "lines", CLAIMED_LINES,
                     at_least=True, note="the bar is what the original claims")  # fmt: skip
    yield Figure(part, "columns", every.columns / every.nodes, "bytes/node",
                 note=f"x{every.columns / every.stored:.1f} what is stored")  # fmt: skip
    note = f"x{every.live / every.columns:.1f} the columns, x{every.live / every.stored:.0f} what is stored"
    yield Figure(part, "live trees, as the allocator counts", every.live / every.nodes, "bytes/node", note=note)
    for language, one in totals.items():
        yield Figure(part, f"{language}, {one.files:,} files, {one.nodes:,} nodes", one.stored / max(one.nodes, 1),
                     "bytes/node", BYTES_BAR if one.nodes >= JUDGED_NODES else None, note=_sizes(one))  # fmt: skip


def _sizes(one: Totals) -> str:
    nodes = max(one.nodes, 1)
    return (
        f"tree alone {one.tree / nodes:.2f}, columns {one.columns / nodes:.1f}, live {one.live / nodes:.1f}; "
        f"{one.lines / max(one.stored / 1e6, 1e-6):,.0f} lines/MB"
    )


def unknown_figures(totals: dict[str, Totals]) -> Iterator[Figure]:
    """Yield for each language the share of named nodes that have no canonical kind."""
    for language, one in totals.items():
        bar = SIX_BAR if language in SIX else OTHERS_BAR
        common = ", ".join(f"{kind} {count:,}" for kind, count in one.kinds.most_common(4))
        wrappers = f"{100 * one.vanishing / max(one.named, 1):.1f}% have none on purpose, as wrappers"
        note = f"{wrappers}; unknown: {common}" if common else wrappers
        yield Figure("unknown canonical kinds", f"{language}, {one.named:,} named nodes",
                     100 * one.unknown / max(one.named, 1), "%", bar if one.nodes >= JUDGED_NODES else None,
                     note=note, details={"kinds": dict(one.kinds.most_common(50))})  # fmt: skip
