"""Every command does what it says: output, streams and exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from treeseek.retrieval.budget import count_tokens

from .conftest import Run


def test_a_first_search_indexes_the_root_and_answers(spawn: Run, project: Path) -> None:
    done = spawn("search", "retry a failed upload", cwd=project)
    assert done.code == 0
    assert done.out.startswith("lib/net.py:")
    assert "retry_upload" in done.out
    assert done.err == ""


def test_search_from_a_subdirectory_asks_the_whole_repository(run: Run, project: Path) -> None:
    assert "README.md" in run("search", "retrying with pauses", "-l", cwd=project / "lib").out.splitlines()


def test_search_sees_what_was_just_saved_unless_told_not_to(run: Run, project: Path) -> None:
    run("index", cwd=project)
    (project / "lib/new.py").write_text("def frobnicate():\n    return 1\n")
    assert run("search", "frobnicate", "--no-sync", "--lang", "python", "-l", cwd=project).out.find("new.py") == -1
    assert run("search", "frobnicate", "-l", cwd=project).out.startswith("lib/new.py\n")


def test_a_root_can_be_named(run: Run, project: Path, tmp_path: Path) -> None:
    assert run("search", "close the connection", str(project), "-l", cwd=tmp_path).out.startswith("lib/io.go\n")


def test_a_hit_shows_its_matching_lines_with_their_numbers(run: Run, project: Path) -> None:
    out = run("search", "growing pauses", "-k", "1", cwd=project).out
    assert "  8  " in out
    assert "Retry a failed upload with growing pauses." in out


def test_the_limit_limits(run: Run, project: Path) -> None:
    assert len(run("search", "upload", "-k", "1", "--json", cwd=project).document["hits"]) == 1
    assert len(run("search", "upload", "--json", cwd=project).document["hits"]) > 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--lang", "go"], {"lib/io.go"}),
        (["--lang", "go,markdown"], {"lib/io.go", "README.md"}),
        (["--lang", "go", "--lang", "Markdown"], {"lib/io.go", "README.md"}),
        (["--include", "*.md"], {"README.md"}),
        (["--exclude", "*.md", "--exclude", "*.go"], {"lib/net.py"}),
        (["--include", "*.{md,go}"], {"README.md", "lib/io.go"}),
        (["--include", "{lib,src}/*.{py,rs}"], {"lib/net.py"}),
        (["--exclude", "*.{md,go}"], {"lib/net.py"}),
        (["--path", "lib"], {"lib/net.py", "lib/io.go"}),
        (["--path", "./lib//."], {"lib/net.py", "lib/io.go"}),
        (["--path", "{root}/lib"], {"lib/net.py", "lib/io.go"}),
        (["--path", "{link}/lib/"], {"lib/net.py", "lib/io.go"}),
        (["--path", "."], {"lib/net.py", "lib/io.go", "README.md"}),
        (["--path", "{root}"], {"lib/net.py", "lib/io.go", "README.md"}),
        (["--kind", "class"], {"lib/net.py"}),
    ],
)
def test_filters_choose_the_files(run: Run, project: Path, options: list[str], expected: set[str]) -> None:
    (project.parent / "link").symlink_to(project)
    options = [part.replace("{root}", str(project)).replace("{link}", f"{project.parent}/link") for part in options]
    for cwd in (project, project / "lib"):  # paths and globs are relative to the root from anywhere
        found = run("search", "upload close files error", "-k", "50", "-l", *options, cwd=cwd).out.split()
        assert set(found) == expected


def test_nothing_found_is_1_and_says_so_on_standard_error(spawn: Run, project: Path) -> None:
    done = spawn("search", "upload", "--path", "nowhere", cwd=project)
    assert (done.code, done.out, done.err) == (1, "", "treeseek: nothing found\n")
    assert spawn("symbols", "no_such_symbol_anywhere", cwd=project).code == 1


def test_symbols_finds_a_declaration_however_it_is_written(run: Run, project: Path) -> None:
    for name in ("retry_upload", "RetryUpload", "Uploader.retry_upload"):
        done = run("symbols", name, cwd=project)
        assert done.out == "lib/net.py:7-9  method Uploader.retry_upload   def retry_upload(self, path)\n"
        assert done.code == 0


def test_related_takes_a_place_as_hits_are_printed(run: Run, project: Path) -> None:
    for place in ("lib/net.py:7", "lib/net.py:7-9", f"{project}/lib/net.py:7"):
        done = run("related", place, "-l", cwd=project)
        assert done.code == 0
        assert "README.md" in done.out.split()
    assert run("related", "lib/net.py:7", "-l", cwd=project / "lib").code == 0
    assert run("related", "net.py:7", "-l", cwd=project / "lib").code == 0
    assert run("related", "net.py:7", "--root", str(project), cwd=project / "lib").code == 0


@pytest.mark.parametrize("place", ["lib/net.py", "lib/net.py:", "lib/net.py:0", "lib/net.py:x", ":3", "lib/net.py:²"])
def test_related_refuses_what_is_no_place(run: Run, project: Path, place: str) -> None:
    assert "is not FILE:LINE" in run("related", place, cwd=project).refusal


def test_outline_lists_a_file_as_it_is_now(run: Run, project: Path) -> None:
    (project / "lib/net.py").write_text("class A:\n    def b(self):\n        pass\n\n    def c(self): pass\n")
    done = run("outline", "lib/net.py", cwd=project)
    assert done.out.splitlines() == [
        "lib/net.py  python, 3 declarations",
        "  1-5  class   class A",
        "  2-3  method    def b(self)",
        "  5    method    def c(self)",
    ]
    assert run("outline", "net.py", cwd=project / "lib").out == done.out


def test_outline_of_a_file_without_declarations_is_1(run: Run, project: Path) -> None:
    (project / "notes.txt").write_text("just words\n")
    assert run("outline", "notes.txt", cwd=project).code == 1


@pytest.mark.parametrize("file", ["gone.py", "lib", "logo.bin", "../outside.py", "link.py"])
def test_outline_refuses_what_is_no_text_file_of_the_root(run: Run, project: Path, file: str) -> None:
    (project.parent / "outside.py").write_text("def f(): pass\n")
    (project / "link.py").symlink_to(project.parent / "outside.py")
    assert run("outline", file, "--root", str(project), cwd=project).refusal


def test_index_tells_what_it_did_and_then_that_nothing_changed(spawn: Run, project: Path, tmp_path: Path) -> None:
    first = spawn("index", cwd=project)
    assert first.code == 0
    assert f"{project}: " in first.out
    assert "added" in first.out
    assert "1 binary" in first.out
    assert "treeseek status --skipped" in first.out
    assert str(tmp_path / "data") in first.out
    for path in project.rglob("*.*"):
        os.utime(path, (1e9, 1e9))
    spawn("index", cwd=project)
    again = spawn("index", "--json", cwd=project).document
    assert (again["rows_written"], again["parsed"], again["chunks_embedded"]) == (0, 0, 0)
    assert "up to date" in spawn("index", cwd=project).out
    assert spawn("index", "--rebuild", "--json", cwd=project).document["added"] > 0


def test_status_is_1_before_the_first_index_and_lists_what_is_left_out(spawn: Run, project: Path) -> None:
    before = spawn("status", cwd=project)
    assert before.code == 1
    assert "not yet" in before.out
    spawn("index", cwd=project)
    after = spawn("status", "--skipped", cwd=project)
    assert after.code == 0
    assert "1 go" in after.out
    assert "binary  logo.bin\n" in after.out


def test_options_of_every_command_stand_before_or_after_it(run: Run, project: Path, tmp_path: Path) -> None:
    for i, arguments in enumerate((["--data-dir", "{}", "index"], ["index", "--data-dir", "{}", "--workers", "1"])):
        directory = tmp_path / f"elsewhere{i}"
        done = run(*(argument.format(directory) for argument in arguments), cwd=project)
        assert str(directory) in done.out
        assert directory.is_dir()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "command",
    [["search", "upload files"], ["search", "upload", "-l"], ["symbols", "upload"], ["related", "lib/net.py:7"]],
)
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_the_budget_is_never_exceeded(run: Run, project: Path, command: list[str], as_json: list[str]) -> None:
    whole = run(*command, *as_json, cwd=project)
    needed = count_tokens(whole.out)
    for budget in (1, 5, 20, 30, 60, 100, 200, needed - 1, needed, 10_000):
        cut = run(*command, *as_json, "--max-tokens", str(budget), "--no-sync", cwd=project)
        assert whole.code == 0
        assert cut.code == (0 if cut.out else 2)
        assert count_tokens(cut.out) <= budget
        if budget >= needed:
            assert (cut.out, cut.err) == (whole.out, "")
        elif cut.out:
            assert cut.err == f"treeseek: note: cut to fit {budget:,} tokens\n"
            assert not as_json or cut.document["truncated"]
            assert as_json or whole.out.startswith(cut.out)
        else:
            assert cut.err == f"treeseek: nothing fits in {budget:,} tokens; give --max-tokens more\n"
            assert budget < 200


def test_a_budget_that_nothing_fits_is_an_error_unless_nothing_is_the_answer(run: Run, project: Path) -> None:
    for options in ([], ["-l"], ["--json"]):
        done = run("search", "upload", "--max-tokens", "1", *options, cwd=project)
        assert done.refusal == "treeseek: nothing fits in 1 tokens; give --max-tokens more\n"
    assert run("symbols", "no_such_symbol", "--max-tokens", "1", cwd=project).code == 1
    assert run("symbols", "no_such_symbol", "--max-tokens", "1", "--json", cwd=project).refusal


def test_an_empty_variable_leaves_the_data_where_it_is_by_default(
    spawn: Run, project: Path, environment: dict[str, str]
) -> None:
    document = spawn("status", "--json", cwd=project, TREESEEK_DATA_DIR="").document
    assert Path(document["directory"]).is_relative_to(environment["HOME"])


def test_help_says_what_filters_are_measured_by(run: Run, project: Path) -> None:
    told = " ".join(run("search", "--help", cwd=project).out.split())
    assert "0 to 1: for search the calibrated chance" in told
    assert told.count("relative to ROOT") == 3


def test_the_summary_counts_indexed_files_and_names_what_is_not_whole(run: Run, project: Path) -> None:
    (project / "notes.rst").write_text("words\n")
    out = run("index", cwd=project).out
    assert out.startswith(f"{project}: 4 files, 4 added, ")
    assert "  left out or cut by lines: 1 binary" in out


def test_a_pipe_that_closes_early_is_no_error(environment: dict[str, str], project: Path) -> None:
    (project / "long.py").write_text("".join(f"def upload_{i}():\n    return {i}\n\n\n" for i in range(3000)))
    for command in (["symbols", "upload", "-k", "1000"], ["--version"], ["search", "--help"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "treeseek", *command], cwd=project, env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, b"")


def test_an_index_that_is_being_written_answers_with_a_note(
    run: Run, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run("search", "upload", cwd=project)
    monkeypatch.setattr("treeseek.engine.LOCK_SECONDS", 0.05)
    (lock,) = (tmp_path / "data").glob("*/lock")
    with FileLock(lock):
        done = run("search", "upload", cwd=project)
        (project / "lib/net.py").unlink()
        refused = run("index", cwd=project).refusal
    assert (done.code, done.out) == (0, first.out)
    assert done.err == "treeseek: note: another process is writing the index; this is its last version\n"
    assert "--no-refresh" in refused


def test_a_defect_is_one_line_and_a_traceback_only_if_asked_for(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("first\nsecond")

    monkeypatch.setattr("treeseek.engine.Engine.outline", broken)
    told = "treeseek: ValueError: first\\nsecond (a defect of treeseek; `--debug` shows where)\n"
    assert run("outline", "lib/net.py", cwd=project).refusal == told
    traced = run("outline", "lib/net.py", "--debug", cwd=project).err
    assert traced.startswith("Traceback")
    assert traced.endswith(told)


def test_a_file_outside_the_root_that_was_named_is_refused(run: Run, project: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("def f(): pass\n")
    assert "is not inside" in run("outline", "../other.py", "--root", ".", cwd=project).refusal
    assert run("outline", "../other.py", cwd=project).code == 0, "without a root named, the file's own"
    assert "does not exist" in run("outline", "x" * 5000, cwd=project).refusal
