import pytest
from benchmarks.measures import Measure, latency, table
from benchmarks.processes import Cost


@pytest.mark.parametrize(
    ("ratio", "bar", "at_least", "met"),
    [(2.9, 3.0, False, True), (3.1, 3.0, False, False), (3.1, 3.0, True, True), (2.9, 3.0, True, False),
     (None, 3.0, False, None), (1.0, None, False, None)],
)  # fmt: skip
def test_a_bar_is_met_from_the_right_side(ratio, bar, at_least, met):
    assert Measure("x", ratio=ratio, bar=bar, at_least=at_least).met is met


def test_the_table_says_which_bars_are_missed():
    lines = table([
        Measure("index", 6.0, 5.5, 350_000_000, ratio=3.5, compared="CPU / bare CPU", bar=3.0),
        Measure("version", 0.01, 0.02, ratio=0.01, bar=0.08),
        Measure("peer", note="not measured (no such file)"),
    ]).splitlines()  # fmt: skip
    assert lines[1].split()[:5] == ["index", "6.000", "5.500", "350", "3.50"]
    assert lines[1].endswith("CPU / bare CPU; bar <= 3: MISSED")
    assert lines[2].endswith("bar <= 0.08")
    assert lines[3] == "peer" + " " * (lines[3].index("not") - 4) + "not measured (no such file)"


def test_latency_is_the_median_and_the_95th_percentile():
    line = latency("search", Cost(1.0, 9.0, 5), [i / 1000 for i in range(1, 101)], first=2.0)
    assert (line.wall, line.runs, line.memory, line.details["first"]) == (0.0505, 100, 5, 2.0)
    assert line.p95 == pytest.approx(0.096, abs=0.001)
    assert latency("search", Cost(1.0, 9.0), [0.5]).p95 == 0.5


def test_a_comparison_keeps_the_costs_and_the_note():
    line = Measure.of("peer", Cost(10.0, 12.0, 3), files=7).compared_with("wall / ours", 4.0, 3.0, at_least=True)
    assert (line.cpu, line.wall, line.memory, line.ratio, line.met, line.note) == (10.0, 12.0, 3, 4.0, True, "")
    assert line.as_json()["details"] == {"files": 7}
    assert line.compared_with("CPU", 1.0, 3.0, note="more").note == "more"
