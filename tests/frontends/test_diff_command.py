"""`treeseek diff`: what changed in meaning between revisions of a real repository, and between files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run
from .test_json import check

SESSION = '''"""Sessions."""

import time

RETRIES = 3


class Session:
    """Asks a server."""

    def get(self, url):
        """Get one page."""
        return self.send("GET", url)

    def send(self, method, url):
        for pause in range(RETRIES):
            if self.connection.write(method, url):
                return self.connection.read()
            time.sleep(pause)
        raise OSError(url)


def fetch_all(session, urls):
    pages = {}
    for url in urls:
        if url not in pages:
            pages[url] = session.get(url)
    return pages


def checksum(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) % 65521
        if total < 0:
            total += 65521
    return total
'''
CHECKSUM = SESSION[SESSION.index("def checksum") :]


def git(root: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=Test", "-c", "user.email=test@example.com", *arguments],
        check=True, capture_output=True, env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull},
    )  # fmt: skip


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "change")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "src").mkdir(parents=True)
    git(tmp_path, "init", "-q", "-b", "main", str(root))
    (root / "src/session.py").write_text(SESSION)
    (root / "guide.md").write_text("# Guide\n\nIt asks.\n")
    (root / "logo").write_bytes(b"\0\1\2" * 20)
    commit(root)
    return root


def edit(root: Path, *replacements: tuple[str, str], path: str = "src/session.py") -> None:
    text = (root / path).read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    (root / path).write_text(text)


def change_much(root: Path) -> None:
    """Do something of every kind."""
    edit(
        root,
        ("def get(self, url):", "def get(self, url, retries=RETRIES):"),
        ('self.send("GET", url)', 'self.send("GET", url.strip())'),
        ("fetch_all", "get_all"),
        (CHECKSUM, "def backoff(attempt):\n    return min(2**attempt, 60)\n"),
    )
    (root / "src/digest.py").write_text(CHECKSUM)
    (root / "guide.md").write_text("# Guide\n\nIt asks again.\n")


CHANGED = """\
guide.md  text changed

src/digest.py  new file
  → function  checksum  from src/session.py:31-37  1-7

src/session.py
  ~ method    Session.get          signature, body       11-13
  → function  fetch_all → get_all                        23-28
  + function  backoff                                    31-32
  → function  checksum             to src/digest.py:1-7  31-37

3 files: 1 declaration added, 1 modified, 1 moved, 1 renamed; 1 plain text
"""


def test_what_changed_since_the_last_commit(spawn: Run, root: Path) -> None:
    change_much(root)
    done = spawn("diff", cwd=root)
    assert (done.code, done.out, done.err) == (0, CHANGED, "")


@pytest.mark.parametrize("sides", [["HEAD~1"], ["HEAD~1", "HEAD"], ["HEAD~1..HEAD"], ["main~1...main"]])
def test_revisions_and_the_disk_give_the_same(run: Run, root: Path, sides: list[str]) -> None:
    change_much(root)
    commit(root)
    assert run("diff", *sides, cwd=root).out == CHANGED
    assert run("diff", *sides, cwd=root / "src").out == CHANGED, "from a directory below, about the whole repository"


def test_no_difference_is_said_on_standard_error(run: Run, root: Path) -> None:
    done = run("diff", cwd=root)
    assert (done.code, done.out, done.err) == (0, "", "treeseek: no differences\n")
    assert run("diff", "--exit-code", cwd=root).code == 0
    edit(root, ("RETRIES = 3", "RETRIES = 5"))
    assert run("diff", cwd=root).code == 0
    assert run("diff", "--exit-code", cwd=root).code == 1


@pytest.mark.parametrize(
    ("replacement", "said"),
    [
        (("return pages", "return   pages"), "src/session.py  only layout\n"),
        (("    pages = {}", "    # by address\n    pages = {}"), "src/session.py  only comments\n"),
        (("import time\n", "import time\nimport json\n"), "  ~ code  between declarations    4\n"),
        (("import time\n", ""), "  ~ code  between declarations\n"),
        (("RETRIES = 3", "RETRIES = 5"), "  ~ variable  RETRIES  value  5\n"),
    ],
)
def test_small_changes_are_called_by_their_name(run: Run, root: Path, replacement: tuple[str, str], said: str) -> None:
    edit(root, replacement)
    out = run("diff", cwd=root).out
    assert said in out
    assert out.count("\n") <= 4


def test_new_and_deleted_files_are_told_of_by_their_outermost_declarations(run: Run, root: Path) -> None:
    (root / "src/pool.py").write_text(
        "class Pool:\n    def take(self):\n        pass\n\n    def give(self):\n        pass\n"
    )
    assert "src/pool.py  new file\n  + class  Pool  with 2 inside  1-6\n" in run("diff", cwd=root).out
    commit(root)
    (root / "src/pool.py").unlink()
    assert "src/pool.py  deleted\n  − class  Pool  with 2 inside  1-6\n" in run("diff", cwd=root).out


def test_a_renamed_file_is_compared_with_its_old_self(run: Run, root: Path) -> None:
    edit(root, ("return pages", "return sorted(pages)"))
    (root / "src/session.py").rename(root / "src/client.py")
    out = run("diff", cwd=root).out
    assert out.startswith("src/session.py → src/client.py  renamed\n  ~ function  fetch_all  body")
    assert "1 file: 1 declaration modified" in out
    commit(root)
    assert run("diff", "HEAD~1", "HEAD", cwd=root).out == out
    assert run("diff", "HEAD~1", "--path", "src/session.py", cwd=root).out == out


def test_paths_choose_files(run: Run, root: Path) -> None:
    change_much(root)
    for glob in ("src", "src/*.py", "*.{py,rs}", str(root / "src"), "./src/"):
        out = run("diff", "--path", glob, cwd=root).out
        assert "guide.md" not in out
        assert "src/digest.py" in out
    assert "3 files" in run("diff", "--path", "src", "--path", "*.md", cwd=root).out


def test_stat_counts(run: Run, root: Path) -> None:
    change_much(root)
    assert run("diff", "--stat", cwd=root).out.splitlines() == [
        "guide.md  text changed",
        "src/digest.py  new file  →1",
        "src/session.py  +1 ~1 →1",
        "",
        "3 files: 1 declaration added, 1 modified, 1 moved, 1 renamed; 1 plain text",
    ]


def test_nodes_are_listed_with_their_bytes(run: Run, root: Path) -> None:
    edit(root, ("RETRIES = 3", "RETRIES = 5"))
    at = SESSION.index("3\n")
    assert f"    ~ integer  {at}-{at + 1} → {at}-{at + 1}\n" in run("diff", "--nodes", cwd=root).out


def test_two_files_need_no_repository(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SESSION)
    (tmp_path / "b.py").write_text(SESSION.replace("return pages", "return sorted(pages)"))
    done = run("diff", "a.py", "b.py", cwd=tmp_path)
    assert done.out.startswith("a.py → b.py\n  ~ function  fetch_all  body  23-28\n")
    assert run("diff", "a.py", "a.py", cwd=tmp_path).err == "treeseek: no differences\n"
    (tmp_path / "link.py").symlink_to("a.py")
    assert run("diff", "link.py", "b.py", cwd=tmp_path).refusal


def test_ignored_and_untracked_files(run: Run, root: Path) -> None:
    (root / ".gitignore").write_text("*.log\n")
    (root / "noise.log").write_text("x\n")
    (root / "new.py").write_text("def new():\n    pass\n")
    out = run("diff", cwd=root).out
    assert "noise" not in out
    assert "new.py  new file" in out


def test_what_is_left_out_between_revisions_is_counted(run: Run, root: Path) -> None:
    (root / "node_modules/x").mkdir(parents=True)
    (root / "node_modules/x/index.js").write_text("function f() {}\n")
    (root / "uv.lock").write_text("x\n")
    commit(root)
    out = run("diff", "HEAD~1", "HEAD", cwd=root).out
    assert out.splitlines()[-1] == "changed, but left out: 1 lockfile, 1 vendored"


def test_binary_generated_and_broken_files(run: Run, root: Path) -> None:
    (root / "logo").write_bytes(b"\0\3" * 30)
    (root / "made.py").write_text("# Code generated by hand. DO NOT EDIT.\ndef f():\n    pass\n")
    (root / "src/session.py").write_text(SESSION.replace("return pages", "return pages ((("))
    commit(root)
    out = run("diff", "HEAD~1", "HEAD", cwd=root).out
    assert "made.py  new file, generated\n" in out
    assert "src/session.py\n  ~ function  fetch_all " in out
    assert "logo  binary changed\n" in out
    assert out.endswith("; 1 binary, 1 plain text\n")


def ids(document: dict[str, Any], path: str) -> dict[str, str]:
    (file,) = (file for file in document["files"] if file["new_path"] == path)
    return {one["new"]["name"]: one["new"]["id"] for one in file["declarations"] if one["new"]}


def test_the_json_is_what_its_reference_says(run: Run, root: Path) -> None:
    change_much(root)
    document = run("diff", "--json", "--nodes", cwd=root).document
    check(document, "Every document", "diff")
    assert (document["old"], document["new"]) == ("HEAD", "")
    for file in document["files"]:
        check(file, "A file that differs")
        for one in file["declarations"]:
            for side in ("old", "new"):
                if one[side]:
                    check(one[side], "A site")
            check({key: {} if value is None else value for key, value in one.items()}, "A declaration that differs")
        for node in file["nodes"]:
            check({key: [] if value is None else value for key, value in node.items()}, "A node that differs")
    by_path = {file["new_path"]: file for file in document["files"]}
    (moved,) = by_path["src/digest.py"]["declarations"]
    assert (moved["status"], moved["parts"], moved["old"]["path"]) == ("moved", ["file"], "src/session.py")
    assert {"old": moved["old"]["id"], "new": moved["new"]["id"]} in by_path["src/digest.py"]["aliases"]
    source = (root / "src/session.py").read_bytes()
    (renamed,) = (one for one in by_path["src/session.py"]["declarations"] if one["status"] == "renamed")
    assert (renamed["old"]["name"], renamed["new"]["name"]) == ("fetch_all", "get_all")
    assert source[renamed["new"]["start_byte"] :].startswith(b"def get_all")
    assert by_path["src/session.py"]["counts"] == {"added": 1, "removed": 0, "modified": 1, "moved": 0, "renamed": 1}
    short = run("diff", "--json", "--stat", cwd=root).document
    check(short["files"][0], "A file that differs", absent=("outside_lines", "declarations", "aliases", "nodes"))


def test_a_renamed_file_gives_every_declaration_another_id(run: Run, root: Path) -> None:
    (root / "src/session.py").rename(root / "src/client.py")
    (file,) = run("diff", "--json", cwd=root).document["files"]
    assert (file["status"], file["extent"], file["declarations"]) == ("renamed", "none", [])
    names = run("outline", "src/client.py", "--json", cwd=root).document["declarations"]
    assert len(file["aliases"]) == len(names)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nix"], "no revision 'nix'"),
        (["HEAD", "nix"], "no revision 'nix'"),
        (["guide.md"], "treeseek diff --path guide.md"),
        (["--", "-x"], "'-x' is not a revision"),
        (["a", "b", "c"], "not more"),
        ([""], "empty"),
        (["guide.md", "src/session.py", "--path", "x"], "--path is of no use"),
        (["--path", "{a,b}" * 9], "more than"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(run: Run, root: Path, arguments: list[str], said: str) -> None:
    assert said in run("diff", *arguments, cwd=root).refusal


def test_outside_of_a_repository(run: Run, tmp_path: Path) -> None:
    assert "is in no git repository" in run("diff", cwd=tmp_path).refusal


def test_names_that_a_terminal_would_obey_are_spelled_out(run: Run, root: Path) -> None:
    (root / "src/a\x1b[31m.py").write_text("def f():\n    pass\n")
    out = run("diff", cwd=root).out
    assert "src/a\\x1b[31m.py  new file" in out
    assert "\x1b" not in out


def test_a_second_run_parses_nothing(run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_much(root)
    first = run("diff", cwd=root)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr("treeseek.indexing.trees.parse_live", forbidden)
    assert run("diff", cwd=root) == first
