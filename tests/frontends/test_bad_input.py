"""Bad input gets one clear line and the right exit code, and what is good beside it is found."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Run

GOOD = "def retry_upload(path):\n    '''Retry a failed upload.'''\n    return path\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    (root / "good.py").write_text(GOOD)
    return root


def found(run: Run, root: Path, query: str = "retry a failed upload") -> list[str]:
    done = run("search", query, "-l", cwd=root)
    assert done.code == 0
    return done.out.splitlines()


def reasons(run: Run, root: Path) -> dict[str, str]:
    return {left["path"]: left["reason"] for left in run("status", "--skipped", "--json", cwd=root).document["skipped"]}


@pytest.mark.parametrize("command", [["index"], ["search", "x"], ["symbols", "x"], ["status"]])
def test_a_root_that_does_not_exist(run: Run, tmp_path: Path, command: list[str]) -> None:
    assert "gone does not exist" in run(*command, str(tmp_path / "gone"), cwd=tmp_path).refusal


def test_a_root_that_is_a_file(run: Run, root: Path) -> None:
    assert "good.py is not a directory" in run("index", "good.py", cwd=root).refusal


def test_a_query_without_quotes_is_told_to_have_some(run: Run, root: Path) -> None:
    assert "needs quotes" in run("search", "retry", "upload", cwd=root).refusal
    assert "argument" in run("search", "retry", "the", "upload", cwd=root).refusal


UNREADABLE = """
import os, sys
sys.path[:] = {path!r}
os.chdir({root!r})
if os.getuid() == 0:
    import ctypes
    # Root reads what it may not, unless it gives that up (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: numbers 1 and 2).
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, data) == 0
    data[0] &= ~6  # effective
    data[1] &= ~6  # permitted
    assert libc.capset(header, data) == 0
from treeseek.frontends.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def without_privilege(environment: dict[str, str], root: Path, *arguments: str) -> tuple[int, str, str]:
    code = UNREADABLE.format(path=sys.path, root=str(root.parent))
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_a_root_that_cannot_be_read(environment: dict[str, str], root: Path) -> None:
    root.chmod(0)
    try:
        code, out, err = without_privilege(environment, root, "index", str(root))
    finally:
        root.chmod(0o755)
    assert (code, out) == (2, "")
    assert err == f"treeseek: {root} can't be read: you lack permission to list or enter it\n"


def test_a_file_that_cannot_be_read_costs_itself_alone(environment: dict[str, str], root: Path) -> None:
    (root / "closed.py").write_text(GOOD)
    (root / "closed.py").chmod(0)
    code, out, _ = without_privilege(environment, root, "search", "retry upload", str(root), "-l")
    assert (code, out) == (0, "good.py\n")
    _, out, _ = without_privilege(environment, root, "status", str(root), "--skipped")
    assert "permission  closed.py" in out


@pytest.mark.parametrize("content", [{}, {"a.png": b"\x89PNG\x00\x01", "b.dat": b"\0" * 4096}])
def test_a_root_with_nothing_to_search(run: Run, tmp_path: Path, content: dict[str, bytes]) -> None:
    root = tmp_path / "bare"
    root.mkdir()
    for name, data in content.items():
        (root / name).write_bytes(data)
    assert run("index", cwd=root).code == 0
    done = run("search", "anything", cwd=root)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"treeseek: {root} holds no file to search; see `treeseek status --skipped`\n"
    assert set(reasons(run, root)) == set(content)
    assert run("search", "anything", "--json", cwd=root).document["hits"] == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "the query is empty"),
        (" \t\n", "the query is empty"),
        ("x" * 1_000_000, "1,000,000 characters"),
        ("!!! ??? -- ::", "no letter or digit"),
    ],
)
def test_a_query_that_cannot_be(run: Run, root: Path, tmp_path: Path, query: str, message: str) -> None:
    assert message in run("search", query, cwd=root).refusal
    assert not list((tmp_path / "data").glob("*/gen-*")), "refused before anything is indexed"
    run("index", cwd=root)
    assert message in run("search", query, cwd=root).refusal


def test_a_query_of_only_stop_words_is_answered(run: Run, root: Path) -> None:
    assert run("search", "how does it do that with the", cwd=root).code in (0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lang", "pythn"], "no language 'pythn'"),
        (["--kind", "methd"], "no kind 'methd'"),
        (["--path", "../elsewhere"], "is not inside the root"),
        (["--path", "/elsewhere"], "is not inside the root"),
        (["--path", "a", "--path", "b"], "use --include for several"),
        (["--min-score", "nan"], "nan is not between 0 and 1"),
        (["--min-score", "-0.1"], "-0.1 is not between 0 and 1"),
        (["--min-score", "1.1"], "1.1 is not between 0 and 1"),
        (["--data-dir", ""], "the name of a directory is empty"),
        (["--include", "{a,b}" * 7], "more than 64 globs"),
        (["--exclude", "{" + "," * 90_000 + "}"], "more than 64 globs"),
        (["-k", "0"], "a limit of 0"),
        (["-k", "many"], "invalid value for '-k'"),
        (["--max-tokens", "0"], "invalid value for '--max-tokens'"),
        (["--frobnicate"], "no such option"),
    ],
)
def test_an_option_that_cannot_be(run: Run, root: Path, options: list[str], message: str) -> None:
    assert message in run("search", "upload", *options, cwd=root).refusal.replace("No such", "no such")


def test_an_unknown_command(run: Run, root: Path) -> None:
    assert "serch" in run("serch", "upload", cwd=root).refusal


def test_an_index_is_needed_without_sync(run: Run, root: Path) -> None:
    assert "treeseek index" in run("search", "upload", "--no-sync", cwd=root).refusal


def test_special_files_and_loops_are_left_out(run: Run, root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.relpath(root / "socket.py"))
    (root / "loop").symlink_to(root)
    (root / "self").symlink_to("self")
    with listener:
        assert found(run, root) == ["good.py"]
        told = reasons(run, root)
    assert (told["pipe.py"], told["socket.py"], told["loop"]) == ("special", "special", "symlink")
    assert told["self"].startswith("symlink")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("latin.py", "# café\ndef retry_upload():\n    return 'é'\n".encode("latin-1")),
        ("bom.py", b"\xef\xbb\xbf" + GOOD.encode()),
        ("crlf.py", GOOD.replace("\n", "\r\n").encode()),
        ("old_mac.py", GOOD.replace("\n", "\r").encode()),
        ("escape.py", b"# \x1b[31mred\x1b[0m \x9b31m\n" + GOOD.encode()),
        ("nul.py", b"\0" + GOOD.encode()),
    ],
)
def test_strange_bytes_neither_break_nor_reach_the_terminal(run: Run, root: Path, name: str, data: bytes) -> None:
    (root / name).write_bytes(data)
    done = run("search", "retry upload red", cwd=root)
    assert done.code == 0
    assert "good.py:" in done.out
    assert (name in done.out) == (b"\0" not in data)
    assert not set(done.out) & {"\x1b", "\x9b", "\r", "\0", "\ufeff"}
    document = run("search", "retry upload", "--json", cwd=root)
    assert not set(document.out) & {"\x1b", "\x9b", "\r", "\0", "\ufeff"}
    assert len(document.document["hits"]) >= 1 + (b"\0" not in data)


def test_names_that_would_break_a_line(run: Run, root: Path) -> None:
    for name in ("two\nlines.py", "\x1b[2Jclear.py", "right\u202eleft.py"):
        (root / name).write_text(GOOD)
    (Path(os.fsdecode(os.fsencode(root) + b"/not\xffutf8.py"))).write_text(GOOD)
    lines = found(run, root)
    assert set(lines) == {"good.py", "two\\nlines.py", "\\x1b[2Jclear.py", "right\\u202eleft.py"}
    shown = run("search", "retry upload", cwd=root).out
    assert all(f"{name}:1-3  function retry_upload" in shown for name in lines)
    assert "\x1b" not in shown
    hits = run("search", "retry upload", "--json", cwd=root).document["hits"]
    assert "two\nlines.py" in {hit["path"] for hit in hits}
    assert reasons(run, root) == {"not\\xffutf8.py": "name"}
    assert "def retry_upload" in run("outline", "two\nlines.py", cwd=root).out


def test_one_line_of_200_megabytes(run: Run, root: Path) -> None:
    with (root / "long.js").open("wb") as file:
        file.truncate(200_000_000)
    (root / "wide.js").write_bytes(b"var a = '" + b"upload " * 300_000 + b"';\n")
    assert "good.py" in found(run, root)
    assert reasons(run, root)["long.js"] == "too-large"
    done = run("search", "upload", cwd=root)
    assert max(map(len, done.out.splitlines())) < 300


def test_a_query_that_is_no_utf8_is_echoed_safely(spawn: Run, root: Path) -> None:
    done = spawn("search", b"upload \xff", "--json", cwd=root)
    assert done.document["query"] == "upload \udcff"


@pytest.mark.parametrize(
    "arguments",
    [["search", "upload"], ["search", "upload", "--json"], ["search", "--help"], ["--version"], ["serch", "--json"]],
)
def test_a_full_disk_behind_standard_output_is_one_line(
    environment: dict[str, str], root: Path, arguments: list[str]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "treeseek", *arguments], cwd=root, env=environment, stdout=full,
            stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr or "serch" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["search", "upload"], ["search", "upload", "--json"], ["index"], ["--help"], ["--version"]]
)
def test_a_closed_standard_output_is_one_line(environment: dict[str, str], root: Path, arguments: list[str]) -> None:
    command = ["sh", "-c", 'exec "$0" -m treeseek "$@" >&-', sys.executable, *arguments]
    done = subprocess.run(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "treeseek: standard output is closed: there is nowhere to answer\n"


@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full"])
def test_without_standard_error_the_exit_code_tells(environment: dict[str, str], root: Path, redirected: str) -> None:
    for arguments, code in ((["search", "upload", "-l"], 0), (["search", "", "--debug"], 2)):
        command = ["sh", "-c", f'exec "$0" -m treeseek "$@" {redirected}', sys.executable, *arguments]
        done = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (code, "" if code else "good.py\n")


@pytest.fixture
def sealed(run: Run, root: Path, tmp_path: Path) -> Iterator[Path]:
    """Index `root`, then forbid every change of the index's directory."""
    run("index", cwd=root)
    (directory,) = (tmp_path / "data").iterdir()
    (directory / "lock").unlink(missing_ok=True)
    places = [directory, *(path for path in directory.rglob("*") if path.is_dir())]
    for place in places:
        place.chmod(0o555)
    yield directory
    for place in places:
        place.chmod(0o755)


@pytest.mark.parametrize("command", [["search", "retry upload"], ["symbols", "retry_upload"], ["related", "good.py:1"]])
def test_an_index_that_cannot_be_written_still_answers(
    environment: dict[str, str], root: Path, sealed: Path, command: list[str]
) -> None:
    (root / "more.py").write_text(GOOD)
    where = ["--root", str(root)] if command[0] == "related" else [str(root)]
    place = [f"{root}/good.py:1" if part == "good.py:1" else part for part in command]
    code, out, err = without_privilege(environment, root, *place, *where, "--json")
    assert err.startswith(f"treeseek: note: not brought up to date: can't lock {sealed}/lock: Permission denied")
    assert err.count("\n") == 1
    document = json.loads(out)
    assert document["notes"] == [err.removeprefix("treeseek: note: ").rstrip("\n")]
    assert [hit["path"] for hit in document["hits"]] == ([] if command[0] == "related" else ["good.py"])
    assert code == (0 if document["hits"] else 1)
    _, out, err = without_privilege(environment, root, *place, *where, "-l")
    assert "not brought up to date" in err


def test_without_any_index_a_directory_that_cannot_be_written_is_an_error(
    environment: dict[str, str], root: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir(mode=0o555)
    code, out, err = without_privilege(environment, root, "search", "upload", str(root))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Permission denied" in err
    assert "--rebuild" not in err


def test_repairing_is_advised_for_a_broken_index_not_for_a_forbidden_one(
    environment: dict[str, str], run: Run, root: Path, tmp_path: Path
) -> None:
    run("index", cwd=root)
    (current,) = (tmp_path / "data").glob("*/CURRENT")
    current.chmod(0)
    code, out, err = without_privilege(environment, root, "search", "upload", str(root))
    current.chmod(0o644)
    assert (code, out) == (2, "")
    assert "ermission denied" in err
    assert "treeseek repair" not in err
    current.write_text("nonsense\n")
    assert "`treeseek repair` mends it" in run("search", "upload", cwd=root).refusal
    assert run("index", "--rebuild", cwd=root).code == 0
    assert found(run, root) == ["good.py"]


@pytest.mark.parametrize(("root_given", "what"), [("/", "all of the disk"), ("~", "the home directory")])
def test_a_root_that_is_refused_is_not_said_to_be_forcible(
    run: Run, environment: dict[str, str], tmp_path: Path, root_given: str, what: str
) -> None:
    given = root_given.replace("~", environment["HOME"])
    assert run("index", given, cwd=tmp_path).refusal == f"treeseek: {given} is {what}; name a project in it\n"


def test_a_file_in_no_repository_does_not_have_its_directory_indexed(run: Run, root: Path, tmp_path: Path) -> None:
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose/a.py").write_text(GOOD)
    (tmp_path / "loose/b.py").write_text(GOOD)
    place = f"{tmp_path}/loose/a.py:1"
    assert "name the root with --root" in run("related", place, cwd=root).refusal
    assert not list((tmp_path / "data").glob("loose*"))
    assert run("outline", f"{tmp_path}/loose/a.py", cwd=root).code == 0, "needs no index"
    assert run("related", place, "--root", f"{tmp_path}/loose", "-l", cwd=root).out == "b.py\n"
    assert run("related", "a.py:1", "-l", cwd=tmp_path / "loose").out == "b.py\n"
    done = run("related", "loose/a.py:1", "--json", "--exclude", "root/", cwd=tmp_path).document
    assert done["root"] == str(tmp_path), "the current directory, as for search"
    (tmp_path / "loose/.git").mkdir()
    assert run("related", place, "-l", cwd=root).out == "b.py\n"
