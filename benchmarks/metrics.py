"""Scores of ranked results, by the rule of the public retrieval benchmark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["hits_target", "ndcg", "same_path"]


def same_path(a: str, b: str) -> bool:
    """Whether one path is the other, or a whole-component suffix of it, in either direction."""
    return a == b or a.endswith("/" + b) or b.endswith("/" + a)


def hits_target(result: Mapping[str, Any], target: Mapping[str, Any]) -> bool:
    """Whether a result names a target's file and, if the target has lines, shares at least one."""
    if not same_path(result["path"], target["path"]):
        return False
    first, last = target.get("start_line"), target.get("end_line")
    if first is None or last is None:
        return True
    return bool(result["start_line"] <= last and result["end_line"] >= first)


def ndcg(results: Sequence[Mapping[str, Any]], targets: Sequence[Mapping[str, Any]], k: int = 10) -> float:
    """Return NDCG@k; every target is worth 1, and two targets first hit by one result count once."""
    ranks = {next((i for i, result in enumerate(results[:k], 1) if hits_target(result, t)), None) for t in targets}
    gain = sum(1 / math.log2(rank + 1) for rank in ranks if rank is not None)
    ideal = sum(1 / math.log2(i + 1) for i in range(1, min(k, len(targets)) + 1))
    return gain / ideal if ideal else 0.0
