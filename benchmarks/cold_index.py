"""Indexing from nothing, beside the bare parse and beside semble, in rounds: ratios are of neighbouring runs."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.commands import treeseek, variables
from benchmarks.measures import Measure
from benchmarks.processes import Cost, Job, middle, rounds

__all__ = ["cold_index"]

CPU_BAR, WALL_BAR, SEMBLE_BAR = 3.0, 2.2, 3.0
BUSY = 1.1
"""From this ratio of wall to CPU seconds of a loop that only computes, others were using the processor too."""


def cold_index(root: Path, data: Path, runs: int, semble: Sequence[Job] = ()) -> list[Measure]:
    """Measure the bare parse, treeseek's indexing in one process and with two workers, and semble's likewise.

    `semble` is empty or has its two jobs. Leaves the last of treeseek's indexes in `data`.
    """
    parse = Job((sys.executable, "-m", "benchmarks.bare_parse", root))
    ours = [
        Job(treeseek("index", root), variables(data, workers), lambda: shutil.rmtree(data, ignore_errors=True))
        for workers in (1, 2)
    ]
    bare, one, two, *theirs = rounds([parse, *ours, *semble], runs)
    loops: list[dict[str, Any]] = [json.loads(cost.output) for cost in bare]
    measures = [_bare(loops, bare[0].memory), _ours(one, loops, by_wall=False), _ours(two, loops, by_wall=True)]
    for costs, mine, name in zip(theirs, (one, two), ("1 process", "2 workers"), strict=False):
        ratio = _wall_ratio(costs, mine)
        line = Measure.of(f"semble index, cold, {name}", middle(costs), **json.loads(costs[-1].output))
        note = f"{_wall_ratio(costs, two):.2f} of treeseek's with 2 workers" if mine is one else ""
        measures.append(line.compared_with("wall / treeseek's", ratio, SEMBLE_BAR, at_least=True, note=note))
    return measures


def _wall_ratio(costs: Sequence[Cost], others: Sequence[Cost]) -> float:
    return statistics.median(cost.wall / other.wall for cost, other in zip(costs, others, strict=True))


def _bare(loops: Sequence[dict[str, Any]], memory: int) -> Measure:
    cpu, wall = (statistics.median(loop[name] for loop in loops) for name in ("cpu", "wall"))
    note = f"{loops[0]['files']:,} files, {loops[0]['bytes'] / 1e6:.1f} MB; the loop only"
    if wall > BUSY * cpu:
        note += "; THE MACHINE WAS BUSY: no wall time holds"
    details = {"files": loops[0]["files"], "languages": loops[0]["languages"], "loops": loops}
    return Measure("bare parse, 1 process", cpu, wall, memory, runs=len(loops), note=note, details=details)


def _ours(costs: Sequence[Cost], loops: Sequence[dict[str, Any]], *, by_wall: bool) -> Measure:
    cpu = statistics.median(cost.cpu / loop["cpu"] for cost, loop in zip(costs, loops, strict=True))
    wall = statistics.median(cost.wall / loop["wall"] for cost, loop in zip(costs, loops, strict=True))
    name = "treeseek index, cold, " + ("2 workers" if by_wall else "1 process")
    singles = [{"cpu": cost.cpu, "wall": cost.wall} for cost in costs]
    line = Measure.of(name, middle(costs), cpu_ratio=cpu, wall_ratio=wall, rounds=singles)
    if by_wall:
        return line.compared_with("wall / bare wall", wall, WALL_BAR, note=f"CPU {cpu:.2f} of bare")
    return line.compared_with("CPU / bare CPU", cpu, CPU_BAR, note=f"wall {wall:.2f} of bare")
