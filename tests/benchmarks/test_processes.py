import os
import sys

import pytest
from benchmarks.processes import Cost, Job, RunError, measured, middle, rounds, run, tree_bytes

BURN = "import time\nwhile time.process_time() < 0.3: pass"
HOLD = "import time; block = bytearray(b'x') * 60_000_000; time.sleep(0.6)"
IN_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def test_cpu_seconds_include_those_of_reaped_children():
    cost = run([sys.executable, "-c", IN_A_CHILD, BURN])
    assert cost.code == 0
    assert cost.cpu >= 0.3
    assert cost.wall > 0


def test_memory_is_that_of_the_whole_tree_and_only_when_sampled():
    sampled = run([sys.executable, "-c", IN_A_CHILD, HOLD], sample=True)
    assert 60_000_000 < sampled.memory < 200_000_000
    assert run([sys.executable, "-c", "pass"]).memory == 0


def test_own_memory_is_seen_and_a_dead_process_has_none():
    assert tree_bytes(os.getpid()) > 1_000_000
    assert tree_bytes(2**22 + 1) == 0


def test_output_variables_and_exit_code_are_handed_back():
    code = "import os, sys; print(os.environ['WHO']); print('no', file=sys.stderr); sys.exit(3)"
    cost = run([sys.executable, "-c", code], {"WHO": "me"})
    assert (cost.output, cost.errors, cost.code) == ("me\n", "no\n", 3)
    with pytest.raises(RunError, match="ended with 3: no"):
        run([sys.executable, "-c", code], {"WHO": "me"}, codes=(0, 1))


def test_what_hangs_is_killed():
    cost = run([sys.executable, "-c", "import time; time.sleep(60)"], sample=True, limit=0.2)
    assert cost.code == -9
    assert cost.wall < 30


def test_before_is_called_for_every_run_and_one_more_that_is_not_timed():
    calls = []
    cost = measured(Job([sys.executable, "-c", "print(1)"], before=lambda: calls.append(1)), 3)
    assert (len(calls), cost.runs, cost.output) == (4, 3, "1\n")


def test_jobs_run_in_turn(tmp_path):
    jobs = [Job(["sh", "-c", f"echo {name} >> {tmp_path}/order; exit 3"], codes=(3,)) for name in "ab"]
    costs = rounds(jobs, 2)
    assert (tmp_path / "order").read_text().split() == ["a", "b"] * 3
    assert [len(of_job) for of_job in costs] == [2, 2]


def test_the_middle_is_the_median_of_each_figure():
    costs = [Cost(1.0, 9.0, 7), Cost(5.0, 2.0, 7), Cost(3.0, 4.0, 7, output="last")]
    assert middle(costs) == Cost(3.0, 4.0, 7, runs=3, output="last")
