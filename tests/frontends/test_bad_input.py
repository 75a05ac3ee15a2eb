"""Bad input gets one clear line and the right exit code, and what is good beside it is found."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
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


def test_a_full_disk_behind_standard_output_is_an_error(environment: dict[str, str], root: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "treeseek", "search", "upload"], cwd=root, env=environment, stdout=full,
            stderr=subprocess.PIPE, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == b"treeseek: No space left on device\n"
