"""The commands as they are run, on a tiny tree. What they print is looked at, never how long it took."""

import json
import sys

import pytest
from benchmarks import commands, peers, refresh, speed, sweep
from benchmarks.processes import RunError


def _contents(root):
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_speed_measures_everything_and_says_which_peers_are_absent(tree, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(speed, "QUICK_FACTOR", 1)
    before = _contents(tree)
    out = tmp_path / "results.json"
    absent = str(tmp_path / "nothing")
    code = speed.main(
        ["--tree", str(tree), "--runs", "1", "--out", str(out), "--semble-python", absent, "--rg", absent]
    )
    printed = capsys.readouterr()
    assert code == 0, printed.err
    report = json.loads(out.read_text())
    lines = {line["what"]: line for line in report["measures"]}
    assert list(lines) == [
        "bare parse, 1 process", "treeseek index, cold, 1 process", "treeseek index, cold, 2 workers",
        "semble", "python -c pass", "treeseek --version", "treeseek search, cold process", "treeseek search, warm",
        "ripgrep", "treeseek index, nothing changed", "treeseek index, one file changed",
    ]  # fmt: skip
    assert lines["bare parse, 1 process"]["details"]["files"] == 3
    cold = lines["treeseek index, cold, 1 process"]
    assert cold["ratio"] == pytest.approx(cold["cpu"] / lines["bare parse, 1 process"]["cpu"])
    assert cold["met"] is (cold["ratio"] <= 3.0)
    warm = lines["treeseek search, warm"]["details"]
    assert len(warm["seconds"]) >= 5
    assert warm["empty"] == 0
    assert "No such file" in lines["semble"]["note"]
    assert report["provenance"]["tree"] == "shop"
    assert "not measured" in printed.out
    assert _contents(tree) == before


def test_speed_refuses_what_it_cannot_measure(tmp_path):
    for wrong in (["--tree", str(tmp_path / "none")], ["--tree", str(tmp_path), "--runs", "0"]):
        with pytest.raises(SystemExit):
            speed.main(wrong)


def test_a_failing_command_ends_the_run_with_an_error(tree, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(commands, "ENTRY", "raise SystemExit('out of order')")
    given = ["--tree", str(tree), "--runs", "1", "--queries", str(_queries(tmp_path)), "--peers", "ripgrep"]
    assert speed.main(given) == 2
    assert "ended with 1: out of order" in capsys.readouterr().err


def _queries(tmp_path):
    path = tmp_path / "queries.txt"
    path.write_text("how are visitors kept\n")
    return path


def _program(tmp_path, script):
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_ripgrep_is_asked_for_the_words_of_each_query_and_may_find_nothing(tmp_path):
    program = _program(tmp_path, f'echo "$@" >> {tmp_path}/asked; exit 1')
    with pytest.raises(RunError):
        peers.ripgrep(program, tmp_path, ["x"])  # its --version fails
    program = _program(tmp_path, f'echo "$@" >> {tmp_path}/asked; [ "$1" = --version ] && exit 0; exit 1')
    (tmp_path / "asked").unlink()
    line = peers.ripgrep(program, tmp_path, ["how is getUserName cached", "id"])
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0].endswith(f"-e cached -e get -e how -e name -e user {tmp_path}")
    assert asked[1].endswith(f"-e id {tmp_path}")
    assert line.runs == 2


def test_a_peer_that_fails_is_missing_with_its_last_words():
    assert peers.missing([sys.executable, "-c", "pass"]) == ""
    assert peers.missing([sys.executable, "-c", "import nothing_of_that_name"]).startswith("ModuleNotFoundError")
    assert peers.missing([sys.executable, "-c", "raise SystemExit(4)"]) == "exit code 4"


def test_sweep_reports_each_tree_and_fails_when_one_goes_wrong(tree, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "results.jsonl"
    assert sweep.main(["--trees", str(tree), "--workers", "1", "--out", str(out)]) == 0
    provenance, line = map(json.loads, out.read_text().splitlines())
    assert "revision" in provenance["provenance"]
    assert (line["ok"], line["files"], line["skipped"]) == (True, 5, {"binary": 1, "generated": 1})
    assert line["languages"] == {"python": 2, "javascript": 2, "markdown": 1}
    assert [search["stderr"] for search in line["searches"] if search["code"] not in (0, 1)] == []
    assert len(line["searches"]) == 3
    assert line["memory"] > 10_000_000
    assert "left out: " in capsys.readouterr().out
    assert sweep.main(["--trees", str(empty), str(tmp_path / "none")]) == 1
    printed = capsys.readouterr().out
    assert "nothing was indexed" in printed
    assert "exit code 1" in printed


def test_refresh_measures_an_update_beside_a_corpus_laid_out_anew(tree, tmp_path, capsys):
    (tree / "long.py").write_text("\n\n".join(f"def step_{i}(x):\n" + "    x += 1\n" * 60 for i in range(4)))
    before = _contents(tree)
    out = tmp_path / "results.json"
    assert refresh.main(["--tree", str(tree), "--runs", "2", "--counts", "1,9", "--out", str(out)]) == 0
    anew, one, nine = json.loads(out.read_text())["measures"]
    assert (anew["what"], one["what"]) == ("laid out anew", "1 file changed")
    assert len(one["details"]["wall"]) == 2
    assert one["ratio"] == pytest.approx(one["wall"] / anew["wall"])
    assert "not measured (only " in nine["note"]
    assert "chunks in 5 files" in capsys.readouterr().out
    assert _contents(tree) == before
    with pytest.raises(SystemExit):
        refresh.main(["--tree", str(tree), "--counts", "0"])
