"""Scans of real trees and real histories."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from benchmarks.planting import expand

import treeseek
from treeseek.errors import RootError, UsageError, WorkerError
from treeseek.scanning import pool
from treeseek.scanning.judge import Content, Judge, is_binary
from treeseek.scanning.report import ScanReport
from treeseek.scanning.run import ScanOptions
from treeseek.settings import load

RNG = random.Random(21)
TOKENS = [expand("{github:ghp_}", RNG) for _ in range(6)]
PASSWORD = expand("postgres://app:{alnum:12}@db.corp.net/x", RNG)


def scan(root: Path, workers: int = 1, **options: object) -> ScanReport:
    settings = load({}, data_dir=root.parent / "data", cache_dir=root.parent / "cache", workers=workers)
    with treeseek.open(root, settings) as engine:
        return engine.scan(ScanOptions(**options))  # type: ignore[arg-type]


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def test_every_text_of_a_tree_is_looked_into(root: Path) -> None:
    write(root, {
        "a.py": f"x = '{TOKENS[0]}'\n",
        ".env": f"T={TOKENS[1]}\n",
        "bundle.min.js": f"x='{TOKENS[2]}'",
        "package-lock.json": f'{{"u": "https://{TOKENS[3]}"}}',
        "wide.txt": f"\ufeff{TOKENS[4]}".encode("utf-16-le"),
        "b.bin": b"\0" + TOKENS[5].encode(),
        "ignored.txt": TOKENS[5],
        "node_modules/m/x.js": TOKENS[5],
        ".gitignore": "ignored.txt\n",
    })  # fmt: skip
    report = scan(root)
    assert [place.path for place in report.found] == [".env", "a.py", "bundle.min.js", "package-lock.json", "wide.txt"]
    assert {place.rule for place in report.found} == {"github-pat"}
    assert report.left_out == {"binary": 1, "ignored": 1, "vendored": 1}
    assert not any(token in repr(report) for token in TOKENS)


def test_tiers_persons_globs_and_rules_are_chosen(root: Path) -> None:
    write(root, {"a.txt": f"{PASSWORD}\n", "b.txt": "joe.miller@corpmail.net\n"})
    assert scan(root, tier="high").found == ()
    assert scan(root).counts == {"url-password": 1}
    assert scan(root, pii=True).counts == {"url-password": 1, "email-address": 1}
    assert scan(root, exclude=("a.*",)).found == ()
    assert scan(root, without=("url-password",)).found == ()
    with pytest.raises(UsageError, match="tier"):
        scan(root, tier="certain")


def test_a_baseline_leaves_what_is_new(root: Path) -> None:
    known = root.parent / "baseline.json"
    write(root, {"a.py": TOKENS[0]})
    assert len(scan(root, write_baseline=known).found) == 1
    write(root, {"b.py": f"\n\n{TOKENS[1]}", "a.py": f"\nmoved down: {TOKENS[0]}\n"})
    report = scan(root, baseline=known)
    assert [place.path for place in report.found] == ["b.py"] and report.known == 1
    assert TOKENS[0] not in known.read_text()
    scan(root, baseline=known, write_baseline=known)
    assert scan(root, baseline=known).found == ()


def test_comments_are_counted(root: Path) -> None:
    write(root, {"a.py": f"{TOKENS[0]}  # treeseek:allow\n"})
    report = scan(root)
    assert report.found == () and report.allowed == 1


def test_named_files_are_scanned_and_no_others(root: Path) -> None:
    write(root, {"a.py": TOKENS[0], "b.py": TOKENS[1]})
    (root / "link.py").symlink_to("b.py")
    report = scan(root, files=("a.py", "gone.py", "link.py", "../outside.py"))
    assert [place.path for place in report.found] == ["a.py"]
    assert report.left_out == {"vanished": 1, "symlink": 1, "outside": 1}


def test_a_history_is_scanned_each_content_once(root: Path) -> None:
    git(root, "init", "-q", "-b", "main")
    write(root, {"a.py": f"x = '{TOKENS[0]}'\n", "copy.py": f"x = '{TOKENS[0]}'\n", "p.png": TOKENS[5]})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    first = git(root, "rev-parse", "HEAD")
    (root / "copy.py").unlink()
    write(root, {"a.py": "x = 1\n", "sub/ü.py": f"y = '{TOKENS[1]}'\n"})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    report = scan(root, history="")
    assert [(place.path, place.line) for place in report.found] == [("a.py", 1), ("sub/ü.py", 1)]
    assert report.found[0].commit == first and len(report.found[0].blob) == 40
    assert [place.path for place in scan(root, history="HEAD~1..HEAD").found] == ["sub/ü.py"]
    assert [place.path for place in scan(root, history=first).found] == ["a.py"]
    assert [place.path for place in scan(root / "sub", history="").found] == ["ü.py"]
    assert scan(root).counts == {"github-pat": 1}


def test_what_only_a_merge_or_another_branch_has_is_found(root: Path) -> None:
    git(root, "init", "-q", "-b", "main")
    write(root, {"a.txt": "1\n"})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "base")
    git(root, "checkout", "-qb", "side")
    write(root, {"side.txt": TOKENS[0]})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "side")
    git(root, "checkout", "-q", "main")
    write(root, {"a.txt": "2\n"})
    git(root, "commit", "-qam", "main")
    git(root, "merge", "-q", "--no-commit", "side")
    write(root, {"merged.txt": TOKENS[1], "a.txt": f"2\n{TOKENS[2]}\n"})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "merge")
    assert [place.path for place in scan(root, history="").found] == ["a.txt", "merged.txt", "side.txt"]


@pytest.mark.parametrize("span", ["nothing-like-that", "--output=x", "HEAD\0"])
def test_a_range_that_is_none_is_refused(root: Path, span: str) -> None:
    git(root, "init", "-q")
    write(root, {"a.txt": "1\n"})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "base")
    with pytest.raises(UsageError):
        scan(root, history=span)


def test_without_a_repository_there_is_no_history(root: Path) -> None:
    with pytest.raises(RootError):
        scan(root, history="")
    with pytest.raises(UsageError):
        scan(root, history="", files=("a",))


def contents() -> list[Content]:
    filler = "x = 1\n" * 20_000
    return [Content(f"{i}.py", f"{filler}# {TOKENS[i % 6]}\n{PASSWORD}".encode()) for i in range(20)]


def test_processes_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge("medium", ("secret", "pii"), b"key")
    alone = list(pool.judged(contents(), judge, 1, 1 << 30))
    monkeypatch.setattr(pool, "BATCH_BYTES", 200_000)
    together = list(pool.judged(contents(), judge, 2, 1 << 30))
    assert [(list(one.places), one.allowed) for one in together] == [(list(one.places), one.allowed) for one in alone]
    assert sum(len(one.places) for one in alone) == 40


def test_a_process_that_dies_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_BOOT", "import sys; sys.exit(3)  # {path}")
    with pytest.raises(WorkerError):
        list(pool.judged(contents(), Judge("high", ("secret",), b""), 2, 1 << 30))


def test_what_is_text() -> None:
    assert is_binary(b"a\0b") and not is_binary(b"abc") and not is_binary(b"\xff\xfea\0b\0")
