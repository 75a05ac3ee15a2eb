"""What does an expression of PromQL ask for? Enough of its grammar to check ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["faults", "names", "selectors"]

_NAME = r"(?<![\w:$])(?:treeseek_\w+|process_\w+|instance:[\w:]+|up)(?![\w:(])"
_SELECTOR = re.compile(rf"({_NAME})(\{{[^}}]*\}})?")
_RATED = re.compile(rf"\b(rate|irate|increase)\(({_NAME})")
_GROUPED = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)")
_PARTS = ("_bucket", "_count", "_sum")


def _bare(expression: str) -> str:
    """Return an expression without its lists of labels, which look like names."""
    return _GROUPED.sub("", expression)


def selectors(expression: str) -> list[str]:
    """Return the selectors of instant vectors, ranges left out."""
    return [name + (labels or "") for name, labels in _SELECTOR.findall(_bare(expression))]


def names(expression: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    return {selector.partition("{")[0] for selector in selectors(expression)}


def faults(expression: str, kinds: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong with an expression, given the type of each name; recorded ones are gauges.

    Unknown names; counters' functions over what is no counter, or a histogram's name without its part; a counter that
    isn't rated; quantiles of what has no buckets.
    """
    rated = {name for _, name in _RATED.findall(expression)}
    for name in sorted(names(expression)):
        part = next(
            (part for part in _PARTS if name.endswith(part) and kinds.get(name[: -len(part)]) == "histogram"), ""
        )
        kind = "counter" if part else kinds.get(name)
        if kind is None:
            yield f"{name} is unknown"
        elif kind == "histogram":
            yield f"{name} is a histogram: say _bucket, _count or _sum"
        elif (kind == "counter") != (name in rated):
            yield f"{name} is a {kind}, and {'rated' if name in rated else 'not rated'}"
    for inner in re.findall(r"histogram_quantile\(([^\[]*)\[", expression):
        if "_bucket" not in inner or not re.search(r"by \([^)]*\ble\b", inner):
            yield "a quantile needs buckets, grouped by le among others"
