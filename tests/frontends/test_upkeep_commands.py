"""The commands of whoever keeps an index, run as they are: what they say, what they do, and how they exit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from treeseek.store import writer_lock

from .conftest import Run
from .test_json import check

INDEXES = Path(__file__).resolve().parents[1] / "compat" / "indexes"


def index_of(tmp_path: Path) -> Path:
    (current,) = (tmp_path / "data").glob("*/CURRENT")
    return current.parent


def table_of(tmp_path: Path) -> Path:
    return index_of(tmp_path) / "gen-0001" / "units.lance"


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def test_a_sound_index_is_clean(run: Run, project: Path) -> None:
    run("index", cwd=project)
    done = run("verify", cwd=project)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{project}: clean, version ")
    done = run("verify", "--read-data", "--json", cwd=project)
    check(done.document, "Every document", "verify")
    assert done.document["files_read"] == done.document["files"] > 5
    part = run("verify", "--read-data=1%", "--json", cwd=project).document
    assert 0 < part["files_read"] < part["files"]


def test_no_index_and_a_locked_one_are_told_by_their_exit_codes(
    run: Run, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treeseek.frontends.cli.upkeep.PATIENCE_SECONDS", 0.1)
    done = run("verify", cwd=project)
    assert (done.code, done.out) == (10, "")
    assert "no index" in done.err
    assert run("verify", "--json", cwd=project).code == 10
    run("index", cwd=project)
    with writer_lock(index_of(tmp_path), 1, "treeseek somebody"):
        done = run("verify", cwd=project)
    assert done.code == 11
    assert "treeseek somebody, process" in done.err


@pytest.mark.parametrize("given", ["0", "101", "much"])
def test_a_percentage_that_is_none_is_refused(run: Run, project: Path, given: str) -> None:
    assert "percentage" in run("verify", f"--read-data={given}", cwd=project).refusal


def test_damage_is_found_told_and_mended(run: Run, project: Path, tmp_path: Path) -> None:
    run("index", cwd=project)
    before = run("search", "retry an upload", "--json", cwd=project).document["hits"]
    damage(next((table_of(tmp_path) / "data").iterdir()))
    assert run("verify", cwd=project).code == 0, "sizes are what they were"
    done = run("verify", "--read-data", cwd=project)
    assert done.code == 1
    assert "hash  data/" in done.out
    assert "treeseek repair" in done.err
    document = run("verify", "--read-data", "--json", cwd=project).document
    assert not document["clean"]
    check(document["problems"][0], "A problem")
    done = run("repair", "--json", cwd=project)
    check(done.document, "Every document", "repair")
    assert done.document["outcome"] == "lost"
    assert run("verify", "--read-data", cwd=project).code == 0
    assert run("search", "retry an upload", "--json", cwd=project).document["hits"] == before
    assert run("repair", cwd=project).out == f"{project}: nothing was damaged\n"


def test_a_damaged_last_version_is_answered_from_the_one_before_with_a_note(
    run: Run, project: Path, tmp_path: Path
) -> None:
    run("index", cwd=project)
    (project / "more.py").write_text("def more(): pass\n")
    run("index", cwd=project)
    versions = table_of(tmp_path) / "_versions"
    newest = min(path for path in versions.iterdir() if path.suffix == ".manifest")
    newest.write_bytes(b"")
    done = run("search", "retry an upload", "--no-refresh", cwd=project)
    assert done.code == 0 and "lib/net.py" in done.out
    assert "damaged" in done.err and "treeseek repair" in done.err
    done = run("search", "retry an upload", cwd=project)
    assert done.code == 0 and "not brought up to date" in done.err
    assert "went-back" in run("repair", "--json", cwd=project).out
    assert run("symbols", "more", cwd=project).code == 0


def test_a_hit_says_that_its_file_changed_since(run: Run, project: Path) -> None:
    run("index", cwd=project)
    hits = run("symbols", "checksum", "--json", cwd=project).document["hits"]
    assert [hit["fresh"] for hit in hits] == [True]
    (project / "lib/net.py").write_text("def other(): pass\n")
    done = run("symbols", "checksum", "--no-refresh", "--json", cwd=project)
    assert [hit["fresh"] for hit in done.document["hits"]] == [False]
    assert "changed since they were indexed: lib/net.py" in done.err
    assert "changed since" in run("symbols", "checksum", "--no-refresh", cwd=project).err
    assert "changed since" in run("search", "sum bytes of data", "--no-refresh", cwd=project).out
    assert run("symbols", "checksum", cwd=project).code == 1, "brought up to date"


def test_gc_says_what_it_came_to(run: Run, project: Path, tmp_path: Path) -> None:
    for number in range(4):
        (project / f"more{number}.py").write_text(f"def more{number}(): pass\n")
        run("index", cwd=project)
    done = run("gc", "--json", cwd=project)
    check(done.document, "Every document", "gc")
    assert done.document["pieces_after"] < done.document["pieces_before"] == 4
    assert "piece" in run("gc", cwd=project).out
    assert run("verify", "--read-data", cwd=project).code == 0
    assert run("gc", cwd=tmp_path / "home").code == 2, "nothing to tidy"


def test_gc_removes_the_indexes_of_roots_that_are_gone_only_when_asked(run: Run, project: Path, tmp_path: Path) -> None:
    run("index", cwd=project)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.py").write_text("x = 1\n")
    run("index", str(other), cwd=project)
    (other / "a.py").unlink()
    other.rmdir()
    assert run("gc", "--json", cwd=project).document["orphans"] == []
    assert len(list((tmp_path / "data").iterdir())) == 2
    assert run("gc", "--orphans", "--json", cwd=project).document["orphans"] == [str(other)]
    assert len(list((tmp_path / "data").iterdir())) == 1


def test_rolling_back_and_forward_again(run: Run, project: Path) -> None:
    run("index", cwd=project)
    assert "no other generation" in run("rollback", cwd=project).refusal
    (project / "more.py").write_text("def more(): pass\n")
    run("index", "--rebuild", cwd=project)
    done = run("rollback", "--json", cwd=project).document
    check(done, "Every document", "rollback")
    assert (done["left"], done["entered"]) == ("gen-0002", "gen-0001")
    assert run("symbols", "more", "--no-refresh", cwd=project).code == 1
    assert "from gen-0001 back to gen-0002" in run("rollback", cwd=project).out
    assert run("symbols", "more", "--no-refresh", cwd=project).code == 0
    assert run("gc", "--all", "--json", cwd=project).document["generations_dropped"] == 1
    assert "no other generation" in run("rollback", cwd=project).refusal


@pytest.fixture
def old_project(run: Run, tmp_path: Path) -> Iterator[Path]:
    """A root whose index a treeseek of the first format left: that of another place, put where this one's belongs."""
    root = tmp_path / "old"
    root.mkdir()
    (root / "a.py").write_text("def fetch(url): return url\n")
    run("index", cwd=root)
    directory = index_of(tmp_path)
    with tarfile.open(INDEXES / "format-1.0.tar.xz") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (kept,) = (tmp_path / "unpacked" / "data").iterdir()
    for path in (directory / "gen-0001", directory / "CURRENT"):
        path.rename(tmp_path / path.name)
    for path in list(kept.iterdir()):
        path.rename(directory / path.name)
    return root


def test_an_old_index_is_migrated_when_asked(run: Run, old_project: Path) -> None:
    done = run("migrate", "--dry-run", "--json", cwd=old_project)
    check(done.document, "Every document", "migrate")
    assert (done.document["from_format"], done.document["generation"]) == ("1.0", "")
    assert "would take over" in run("migrate", "--dry-run", cwd=old_project).out
    assert "took over" in run("migrate", cwd=old_project).out
    assert "has the format of now" in run("migrate", cwd=old_project).out
    assert run("migrate", "--json", cwd=old_project).document["needed"] is False


def test_an_old_index_that_others_stages_made_is_made_anew(run: Run, old_project: Path) -> None:
    done = run("symbols", "retry_upload", "--no-refresh", cwd=old_project)
    assert done.code == 2 and "no index by this embedder and version" in done.err
    assert run("symbols", "fetch", "-l", cwd=old_project).out == "a.py\n"
    assert run("verify", "--read-data", cwd=old_project).code == 0


def test_watching_brings_the_index_up_to_date_until_it_is_interrupted(
    environment: dict[str, str], run: Run, project: Path
) -> None:
    command = [sys.executable, "-m", "treeseek", "watch", "--json", str(project)]
    watcher = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert watcher.stdout is not None
        first = json.loads(watcher.stdout.readline())
        check(first, "Every document", "index")
        (project / "more.py").write_text("def freshly_saved(): pass\n")
        second = json.loads(watcher.stdout.readline())
        assert second["added"] == 1
        assert run("symbols", "freshly_saved", "--no-refresh", cwd=project).code == 0
        watcher.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
        assert watcher.wait(timeout=20) in (0, 130)
    finally:
        watcher.kill()
        watcher.communicate()
    assert run("verify", "--read-data", cwd=project).code == 0


def test_an_update_that_takes_too_long_is_given_up_and_told(run: Run, project: Path) -> None:
    run("index", cwd=project)
    for number in range(5):
        (project / f"late{number}.py").write_text(f"def late{number}(): pass\n")
    time.sleep(0.01)
    done = run("search", "retry an upload", "--refresh-seconds", "0", cwd=project)
    assert done.code == 0 and "lib/net.py" in done.out
    assert "files aren't up to date yet" in done.err
    assert run("status", "--json", cwd=project).document["pending"]["new"] == 5
    assert run("symbols", "late3", cwd=project).code == 0
