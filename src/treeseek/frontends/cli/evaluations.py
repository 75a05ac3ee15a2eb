"""What a person reads of an evaluation: a line a variant, what sets them apart, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from treeseek.frontends.cli.render import Paint, counted
from treeseek.frontends.escapes import printable

if TYPE_CHECKING:
    from treeseek.evaluation.asking import Answer
    from treeseek.evaluation.chunking import Chunking
    from treeseek.evaluation.evaluate import Comparison, Evaluation, Figures
    from treeseek.evaluation.metrics import Score

__all__ = ["lines"]

HEADS = ("NDCG@10", "hit@1", "hit@5", "hit@10", "MRR", "p50 ms", "p95 ms")
_TOLD = {"ndcg": "NDCG@10", "mrr": "MRR"}


def lines(found: Evaluation, paint: Paint, *, show_missed: bool = False) -> Iterator[str]:
    """Yield the report, each line with its line break."""
    comparison = found.comparison
    answers = next(iter(comparison.answers.values()))
    places = sum(len(answer.question.targets) for answer in answers)
    yield f"{counted(len(answers), 'question')}, answered by {counted(places, 'place')}\n"
    if found.commits:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in found.left_out.items())
        yield f"from {counted(found.commits, 'commit')}{'; the others: ' + reasons if reasons else ''}\n"
    yield "\n"
    yield from _table(comparison, paint)
    if comparison.differences:
        yield "\nagainst " + comparison.figures[0].name + ", with 95% intervals\n"
        yield from _differences(comparison, paint)
    if found.chunking:
        yield "\n"
        for name, chunking in found.chunking.items():
            yield _chunking(name, chunking)
    if show_missed:
        yield from _missed(answers, paint)


def _table(comparison: Comparison, paint: Paint) -> Iterator[str]:
    width = max(len(name) for name in _labels(comparison))
    yield " " * width + "".join(f"{head:>9}" for head in HEADS) + "\n"
    for figures in comparison.figures:
        yield paint("name", f"{figures.name:<{width}}") + _numbers(figures.score) + _latency(figures) + "\n"
        for group, (count, score) in figures.groups.items():
            yield f"{f'  {group} ({count:,})':<{width}}" + _numbers(score) + "\n"


def _labels(comparison: Comparison) -> Iterator[str]:
    for figures in comparison.figures:
        yield figures.name
        yield from (f"  {group} ({count:,})" for group, (count, _) in figures.groups.items())


def _numbers(score: Score) -> str:
    return "".join(f"{number:>9.3f}" for number in (score.ndcg, score.hit_1, score.hit_5, score.hit_10, score.mrr))


def _latency(figures: Figures) -> str:
    return f"{1000 * figures.p50:>9.1f}{1000 * figures.p95:>9.1f}"


def _differences(comparison: Comparison, paint: Paint) -> Iterator[str]:
    for one in comparison.differences:
        if one.metric in _TOLD:
            told = f"{one.name}: {_TOLD[one.metric]} {one.mean:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"
            style = "added" if one.low > 0 else "removed" if one.high < 0 else "dim"
            yield "  " + paint(style, told) + "\n"


def _chunking(name: str, found: Chunking) -> str:
    def share(part: int, of: int) -> str:
        return f"{part / of:.1%}" if of else "none"

    fallbacks = ", ".join(f"{reason} {count:,}" for reason, count in found.fallbacks.items())
    return (
        f"cut by {name}: {found.files:,} files, {found.chunks:,} chunks, {share(found.covered, found.lines)} of lines "
        f"covered, {share(found.whole, found.declarations)} of declarations whole, "
        f"{share(found.alone, found.declarations)} alone; {found.seconds:.2f} s"
        + (f"; by lines all the same: {fallbacks}" if fallbacks else "")
        + "\n"
    )


def _missed(answers: Sequence[Answer], paint: Paint) -> Iterator[str]:
    missed = [answer for answer in answers if not answer.score.hit_1]
    yield f"\n{counted(len(missed), 'question')} not answered by the first hit\n"
    for answer in missed:
        yield "  " + paint("name", printable(answer.question.query)) + "\n"
        for place in answer.question.targets[:3]:
            span = f":{place.start_line}-{place.end_line}" if place.end_line else ""
            yield f"    wanted {printable(place.path)}{span}\n"
        for place in answer.places[:1]:
            yield f"    found  {printable(place.path)}:{place.start_line}-{place.end_line}\n"
