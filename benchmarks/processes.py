"""What a real process costs: CPU seconds with its reaped children, wall seconds, and peak memory of its tree. Linux."""

from __future__ import annotations

import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = [
    "REPOSITORY",
    "Cost",
    "Job",
    "RunError",
    "measured",
    "middle",
    "proportional_bytes",
    "rounds",
    "run",
    "tree_bytes",
]

REPOSITORY = Path(__file__).resolve().parent.parent
SAMPLE_SECONDS = 0.05
MIN_SAMPLES = 4
"""What ends before so many looks has no peak that was seen."""


class RunError(Exception):
    """A measured process ended with a code that it should not."""


@dataclass(frozen=True, slots=True)
class Job:
    """A command to measure, with what is added to its environment, what to call before each run, and the exit codes
    that it may end with.
    """

    command: Sequence[str | Path]
    variables: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None
    codes: Sequence[int] = (0,)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process, or the median of several, cost. `cpu` and `wall` in seconds, `memory` in bytes, 0 if not
    sampled; `output` is the last run's standard output.
    """

    cpu: float
    wall: float
    memory: int = 0
    runs: int = 1
    code: int = 0
    output: str = ""
    errors: str = ""


def run(
    command: Sequence[str | Path],
    variables: Mapping[str, str] | None = None,
    *,
    sample: bool = False,
    codes: Sequence[int] | None = None,
    limit: float = math.inf,
) -> Cost:
    """Run a command to its end, from the repository's directory, with `variables` added, and return its cost.

    With `sample`, memory is the largest sum, seen every 50 ms, of the proportional set sizes of the process and its
    descendants: pages that they share count once. Looking costs the processor something, so time other runs. A
    sampled process is killed after `limit` seconds.

    Raises RunError when `codes` are given and the exit code is not among them.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, cwd=REPOSITORY,
                                 env={**os.environ, **(variables or {})})  # fmt: skip
        memory = _watched(child.pid, start + limit) if sample else 0
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (out, errors):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    if codes is not None and child.returncode not in codes:
        raise RunError(f"{' '.join(map(str, command))} ended with {child.returncode}: {texts[1].strip()[-800:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, memory, 1, child.returncode, *texts)


def rounds(jobs: Sequence[Job], runs: int) -> list[list[Cost]]:
    """Run all jobs in turn, `runs` times over, and return each job's costs, round by round.

    So whatever else the machine does in the meantime weighs on all of them, and ratios within a round hold.
    One round more goes first: it warms the disk's cache, and its memory is given to all costs of its job.
    Raises RunError when a run ends with a code that is not among its job's.
    """
    costs: list[list[Cost]] = [[] for _ in jobs]
    for number in range(runs + 1):
        for job, of_job in zip(jobs, costs, strict=True):
            job.before()
            of_job.append(run(job.command, job.variables, sample=number == 0, codes=job.codes))
    return [[replace(cost, memory=of_job[0].memory) for cost in of_job[1:]] for of_job in costs]


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the medians of the costs of several runs, with the output of the last."""
    cpu, wall = statistics.median(cost.cpu for cost in costs), statistics.median(cost.wall for cost in costs)
    return replace(costs[-1], cpu=cpu, wall=wall, runs=len(costs))


def measured(job: Job, runs: int) -> Cost:
    """Return the medians of `runs` runs of one job; see `rounds`."""
    return middle(rounds([job], runs)[0])


def tree_bytes(pid: int, kind: str = "Pss") -> int:
    """Return the proportional set sizes of a process and its descendants, added up, in bytes; those gone count 0.

    `kind`: "Pss", or only what is in no file, "Pss_Anon", or is, "Pss_File", which the system takes back when it likes.
    """
    children = defaultdict(list)
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            children[int(fields[1])].append(int(entry.name))
    total, waiting = 0, [pid]
    while waiting:
        process = waiting.pop()
        waiting += children[process]
        total += proportional_bytes(process, kind)
    return total


def proportional_bytes(pid: int, kind: str = "Pss") -> int:
    """Return the proportional set size of one process, in bytes; 0 if it is gone. `kind` as for `tree_bytes`."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(b"%b:" % kind.encode())), 0)


def _watched(pid: int, deadline: float) -> int:
    """Return the peak memory of a process's tree, once it has ended; it is left to be reaped."""
    peak = samples = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        peak, samples = max(peak, tree_bytes(pid)), samples + 1
        if time.perf_counter() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(SAMPLE_SECONDS)
    return peak if samples >= MIN_SAMPLES else 0


if sys.platform != "linux":
    raise ImportError("benchmarks.processes reads /proc: Linux only")
