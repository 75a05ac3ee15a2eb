"""`treeseek scan` as people and CI run it."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from benchmarks.planting import expand

from .conftest import Run
from .test_json import check

TOKEN = expand("{github:ghp_}", random.Random(4))
OTHER = expand("{github:ghp_}", random.Random(5))
PASSWORD = expand("{alnum:10}", random.Random(6))


@pytest.fixture
def leaky(project: Path) -> Path:
    (project / "lib/token\x1b[31m.py").write_text(f"\n  x = '{TOKEN}'\n")
    (project / ".env").write_text(f"URL=postgres://app:{PASSWORD}@db.corp.net/x\n")
    return project


def test_findings_in_lines_without_the_secret(run: Run, leaky: Path) -> None:
    done = run("scan", cwd=leaky)
    assert done.code == 1
    assert done.out.splitlines() == [
        ".env:1:20  url-password  medium  " + PASSWORD[:2] + "… (10 bytes)",
        "lib/token\\x1b[31m.py:2:8  github-pat  high  ghp_… (40 bytes)",
    ]
    assert done.err.startswith("treeseek: 2 findings in 5 contents")
    assert TOKEN not in done.out + done.err


def test_a_clean_root_exits_with_0_and_a_wrong_question_with_2(run: Run, project: Path, tmp_path: Path) -> None:
    assert (run("scan", cwd=project).code, run("scan", str(project), cwd=tmp_path).out) == (0, "")
    assert run("scan", "nowhere", cwd=project).refusal
    assert run("scan", "--tier", "sure", cwd=project).refusal
    assert run("scan", "a", "b", cwd=project).refusal
    assert run("scan", "--json", "--sarif", cwd=project).code == 2
    assert "no rule" in run("scan", "--without", "nonsense", cwd=project).refusal
    assert "isn't in" in run("scan", "--files", "/etc/passwd", cwd=project).refusal
    failure = run("scan", "nowhere", "--json", cwd=project)
    assert (failure.code, failure.document["ok"], failure.document["error"]["code"]) == (2, False, "root")


def test_the_document_is_as_described(run: Run, leaky: Path) -> None:
    document = run("scan", "--json", cwd=leaky).document
    check(document, "Every document", "scan")
    assert (document["clean"], document["counts"]) == (False, {"url-password": 1, "github-pat": 1})
    for finding in document["findings"]:
        check(finding, "A finding", absent=("blob", "commit"))
        data = (leaky / finding["path"]).read_bytes()
        assert data[finding["start_byte"] : finding["end_byte"]].decode() in (TOKEN, PASSWORD)
    assert TOKEN not in json.dumps(document)


def test_tiers_and_rules(run: Run, leaky: Path) -> None:
    assert run("scan", "--tier", "high", "--json", cwd=leaky).document["counts"] == {"github-pat": 1}
    assert run("scan", "--without", "github-pat,url-password", cwd=leaky).code == 0
    assert run("scan", "--exclude", "lib", "--exclude", ".env", cwd=leaky).code == 0


def test_a_baseline_from_the_command(run: Run, leaky: Path) -> None:
    assert run("scan", "--write-baseline", "known.json", cwd=leaky).code == 0
    assert TOKEN not in (leaky / "known.json").read_text()
    assert run("scan", "--baseline", "known.json", cwd=leaky).code == 0
    (leaky / "new.py").write_text(f"y = '{OTHER}'\n")
    done = run("scan", "--baseline", "known.json", cwd=leaky)
    assert done.code == 1 and done.out.startswith("new.py:1:6") and "2 known" in done.err
    assert run("scan", "--baseline", "nothing.json", cwd=leaky).refusal


def test_the_files_that_are_named_as_pre_commit_does(run: Run, leaky: Path) -> None:
    done = run("scan", "--files", "--", ".env", "README.md", cwd=leaky)
    assert done.code == 1 and done.out.count("\n") == 1
    assert run("scan", "--files", "--", "token\x1b[31m.py", cwd=leaky / "lib").out.startswith("lib/token")
    assert run("scan", "--files", cwd=leaky).code == 0
    hook = (Path(__file__).resolve().parents[2] / ".pre-commit-hooks.yaml").read_text()
    assert "entry: treeseek scan --files --\n" in hook and "id: treeseek-scan\n" in hook


def test_a_history_from_the_command(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "h"
    root.mkdir()
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run([*git, "init", "-q"], cwd=root, check=True)
    for text in (f"x = '{TOKEN}'\n", "x = 1\n"):
        (root / "a.py").write_text(text)
        subprocess.run([*git, "add", "-A"], cwd=root, check=True)
        subprocess.run([*git, "commit", "-qm", "c"], cwd=root, check=True)
    assert run("scan", cwd=root).code == 0
    for arguments in (["--history"], ["--history", str(root)], ["--history=HEAD~1"]):
        document = run("scan", *arguments, "--json", cwd=root).document
        (finding,) = document["findings"]
        check(finding, "A finding")
    assert run("scan", "--history=HEAD~1..HEAD", cwd=root).code == 0
    assert finding["commit"][:12] in run("scan", "--history", cwd=root).out


def test_sarif_has_what_its_schema_asks_for(run: Run, leaky: Path) -> None:
    document = json.loads(run("scan", "--sarif", cwd=leaky).out)
    assert document["version"] == "2.1.0" and document["$schema"].endswith("sarif-2.1.0.json")
    (part,) = document["runs"]
    driver = part["tool"]["driver"]
    assert isinstance(driver["name"], str) and part["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids)) == 2
    assert len(part["results"]) == 2
    for result in part["results"]:
        check_result(result, ids)
    assert part["originalUriBaseIds"]["ROOT"]["uri"].endswith("/")
    assert TOKEN not in json.dumps(document)


def check_result(result: dict[str, Any], ids: list[str]) -> None:
    """What SARIF 2.1.0 requires of a result (3.27 to 3.30), and the types and ranges of what is there."""
    assert result["message"]["text"] and result["level"] in ("none", "note", "warning", "error")
    assert ids[result["ruleIndex"]] == result["ruleId"]
    assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
    (location,) = result["locations"]
    place = location["physicalLocation"]
    uri = place["artifactLocation"]["uri"]
    assert uri.isascii() and " " not in uri and "\x1b" not in uri and not uri.startswith("/")
    region = place["region"]
    assert region["startLine"] >= 1 and region["startColumn"] >= 1
    assert region["byteOffset"] >= 0 and region["byteLength"] >= 0


def test_the_project_itself_is_clean(run: Run) -> None:
    top = Path(__file__).resolve().parents[2]
    done = run("scan", str(top), "--json", "--workers", "1", cwd=top)
    assert done.document["findings"] == []
