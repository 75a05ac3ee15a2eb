from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from treeseek.errors import RootError
from treeseek.workspace import Walk, walk


def make(root: Path, *paths: str, text: str = "x\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def look(root: Path, *, max_file_bytes: int = 1000, max_files: int = 1000) -> Walk:
    return walk(root, max_file_bytes=max_file_bytes, max_files=max_files)


def files(root: Path) -> list[str]:
    return [file.path for file in look(root).files]


def reasons(root: Path) -> dict[str, str]:
    return {left.path: left.reason for left in look(root).skipped}


def test_files_are_sorted_by_path_with_what_the_file_system_says(tmp_path: Path) -> None:
    make(tmp_path, "b.py", "a/z.py", "a.py", "a-b/c.py", "é.py")
    make(tmp_path, "empty.py", text="")
    found = look(tmp_path)
    assert [file.path for file in found.files] == ["a-b/c.py", "a.py", "a/z.py", "b.py", "empty.py", "é.py"]
    assert found.skipped == ()
    for file in found.files:
        status = (tmp_path / file.path).stat()
        assert (file.size, file.mtime_ns, file.inode) == (status.st_size, status.st_mtime_ns, status.st_ino)


def test_an_empty_root_has_no_files(tmp_path: Path) -> None:
    assert look(tmp_path) == Walk((), (), frozenset())


def test_version_controls_own_directories_are_no_part_of_a_tree(tmp_path: Path) -> None:
    make(tmp_path, ".git/config", ".hg/x", ".svn/x", ".jj/x", "sub/.git", ".github/ci.yml")
    assert files(tmp_path) == [".github/ci.yml"]
    assert reasons(tmp_path) == {}


@pytest.mark.parametrize(
    ("path", "left_out", "reason"),
    [
        ("web/node_modules/x/index.js", "web/node_modules/", "vendored"),
        ("vendor/x.go", "vendor/", "vendored"),
        ("pip/_vendor/x.py", "pip/_vendor/", "vendored"),
        ("app/assets/vendor/x.js", "app/assets/vendor/", "vendored"),
        ("ios/Pods/x.m", "ios/Pods/", "vendored"),
        ("a/__pycache__/x.py", "a/__pycache__/", "cache"),
        ("logo.PNG", "logo.PNG", "binary"),
        ("a/.DS_Store", "a/.DS_Store", "binary"),
        ("a/yarn.lock", "a/yarn.lock", "lockfile"),
        ("go.sum", "go.sum", "lockfile"),
        ("a/user_pb2.py", "a/user_pb2.py", "generated"),
        ("Form1.Designer.cs", "Form1.Designer.cs", "generated"),
        ("app.js.map", "app.js.map", "generated"),
        ("jquery.min.js", "jquery.min.js", "minified"),
    ],
)
def test_default_exclusions(tmp_path: Path, path: str, left_out: str, reason: str) -> None:
    make(tmp_path, path, "kept.py")
    assert files(tmp_path) == ["kept.py"]
    assert reasons(tmp_path) == {left_out: reason}


@pytest.mark.parametrize(
    "path",
    [
        "src/shop/vendor/Vendor.java", "build/x.py", "dist/x.js", "lib/venv/__init__.py", "target/x.rs", "pods/x.go",
        "src/min.js", "map.py", "lock.py", "go.mod", "admin.js", "png", "x.designer", "Makefile", "vendor.py",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_exclusion_stays(tmp_path: Path, path: str) -> None:
    make(tmp_path, path)
    assert files(tmp_path) == [path]


def test_vendor_beside_a_manifest_is_vendored_at_any_depth(tmp_path: Path) -> None:
    make(tmp_path, "services/a/go.mod", "services/a/vendor/x.go", "services/a/internal/vendor/own.go")
    assert files(tmp_path) == ["services/a/go.mod", "services/a/internal/vendor/own.go"]


def test_directories_that_tools_have_marked_as_theirs(tmp_path: Path) -> None:
    make(tmp_path, "env/pyvenv.cfg", "env/lib/x.py", "out/CACHEDIR.TAG", "out/x.rs", "target/.rustc_info.json")
    assert files(tmp_path) == []
    assert reasons(tmp_path) == {"env/": "vendored", "out/": "cache", "target/": "cache"}
    assert files(tmp_path / "env") == ["lib/x.py", "pyvenv.cfg"], "as the root itself it is walked"


def test_treeseekignore_leaves_out_and_brings_back(tmp_path: Path) -> None:
    make(
        tmp_path, "vendor/a.go", "vendor/node_modules/x.js", "env/pyvenv.cfg", "gen/out.py", "yarn.lock", "x.png",
        "secret/a.py", "sub/secret/a.py", "sub/b.log", "a.log",
    )  # fmt: skip
    (tmp_path / ".gitignore").write_text("/gen\n*.log\n")
    (tmp_path / ".treeseekignore").write_text("!vendor/\n!env\n!gen/\n!yarn.lock\nsecret/\n")
    (tmp_path / "sub" / ".treeseekignore").write_text("!secret/\n!*.log\n")
    found = look(tmp_path)
    kept = {file.path for file in found.files} - {".gitignore", ".treeseekignore", "sub/.treeseekignore"}
    assert kept == {"vendor/a.go", "env/pyvenv.cfg", "gen/out.py", "yarn.lock", "sub/secret/a.py", "sub/b.log"}
    assert found.brought_back == {"yarn.lock", "sub/b.log"}
    assert {left.path: (left.reason, left.detail) for left in found.skipped} == {
        "a.log": ("ignored", ".gitignore: *.log"),
        "secret/": ("ignored", ".treeseekignore: secret/"),
        "vendor/node_modules/": ("vendored", ""),
        "x.png": ("binary", ""),
    }


def test_rules_above_a_subfolder_apply_up_to_the_checkouts_top(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.py\n")
    make(tmp_path, "top/.git/HEAD", "top/a/b/x.log", "top/a/b/own.md", "top/a/b/kept.py", "top/a/b/deep/only.txt")
    (tmp_path / "top" / ".gitignore").write_text("*.log\n/a/b/deep\n")
    (tmp_path / "top" / "a" / ".treeseekignore").write_text("/b/*.md\n")
    assert files(tmp_path / "top" / "a" / "b") == ["kept.py"]
    assert {(left.path, left.detail) for left in look(tmp_path / "top" / "a" / "b").skipped} == {
        ("x.log", "../../.gitignore: *.log"),
        ("deep/", "../../.gitignore: /a/b/deep"),
        ("own.md", "../.treeseekignore: /b/*.md"),
    }


def test_a_checkout_within_the_root_has_rules_of_its_own(tmp_path: Path) -> None:
    make(tmp_path, ".git/HEAD", "a.log", "sub/.git/HEAD", "sub/a.log", "sub/a.tmp", "sub/deep/a.tmp", "sub/a.own")
    make(tmp_path, ".gitignore", text="*.log\n")
    make(tmp_path, ".treeseekignore", text="*.own\n")
    make(tmp_path, "sub/.git/info/exclude", text="/a.tmp\n")
    assert files(tmp_path) == [".gitignore", ".treeseekignore", "sub/a.log", "sub/deep/a.tmp"]


def test_symlinks_are_told_by_where_they_lead_and_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    make(root, "a.py", "dir/b.py")
    make(tmp_path, "root-sibling/c.py")
    (root / "link.py").symlink_to("a.py")
    (root / "dir" / "loop").symlink_to("..")
    (root / "self").symlink_to("self")
    (root / "out").symlink_to(tmp_path / "root-sibling")
    (root / "etc").symlink_to("/etc/hostname")
    assert files(root) == ["a.py", "dir/b.py"]
    assert reasons(root) == {
        "link.py": "symlink", "dir/loop": "symlink", "self": "symlink", "out": "symlink-outside",
        "etc": "symlink-outside",
    }  # fmt: skip


def test_what_is_no_file_is_special(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo.py")
    os.mkfifo(tmp_path / ".gitignore")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.py")
        assert reasons(tmp_path) == {".gitignore": "special", "fifo.py": "special", "socket.py": "special"}
    assert files(tmp_path) == []


def test_strange_names(tmp_path: Path) -> None:
    (tmp_path / "new\nline.py").touch()
    (tmp_path / os.fsdecode(b"bad\xff.py")).touch()
    (tmp_path / os.fsdecode(b"dir\xfe")).mkdir()
    assert files(tmp_path) == ["new\nline.py"]
    assert reasons(tmp_path) == {"bad\\xff.py": "name", "dir\\xfe/": "name"}


def test_large_files_are_left_out_by_size(tmp_path: Path) -> None:
    make(tmp_path, "fits.py", text="x" * 1000)
    make(tmp_path, "large.py", text="x" * 1001)
    with (tmp_path / "huge.js").open("wb") as sparse:
        sparse.truncate(200 * 1024 * 1024)
    found = look(tmp_path)
    assert [file.path for file in found.files] == ["fits.py"]
    assert [(left.path, left.reason, left.detail) for left in found.skipped] == [
        ("huge.js", "too-large", "209715200 bytes"), ("large.py", "too-large", "1001 bytes"),
    ]  # fmt: skip


def test_too_many_files_keeps_the_first_by_path_and_counts_the_rest(tmp_path: Path) -> None:
    make(tmp_path, *(f"{directory}/{i}.py" for directory in "cab" for i in range(4)), "b.py", "z.png")
    found = look(tmp_path, max_files=6)
    assert [file.path for file in found.files] == ["a/0.py", "a/1.py", "a/2.py", "a/3.py", "b.py", "b/0.py"]
    assert [(left.path, left.reason, left.detail) for left in found.skipped] == [
        ("", "too-many", "7 files beyond the first 6"), ("z.png", "binary", ""),
    ]  # fmt: skip


def test_a_root_that_has_gone_is_an_error_and_not_an_empty_tree(tmp_path: Path) -> None:
    with pytest.raises(RootError, match="gone"):
        look(tmp_path / "gone")


def test_a_deep_tree_is_no_recursion(tmp_path: Path) -> None:
    depth = 1200
    levels = [tmp_path / ("d/" * i) for i in range(1, depth + 1)]
    for level in levels:
        level.mkdir()
    (levels[-1] / "x.py").touch()
    try:
        assert files(tmp_path) == ["d/" * depth + "x.py"]
    finally:  # the usual removal of temporary directories does recurse
        (levels[-1] / "x.py").unlink()
        for level in reversed(levels):
            level.rmdir()


def test_unreadable_directories_are_told_and_the_rest_is_found(
    public_tree: Path, unprivileged: Callable[..., object]
) -> None:
    make(public_tree, "ok.py", "closed/a.py", "listed/a.py", "listed/b.png", "rules/.gitignore", "rules/x.py")
    (public_tree / "closed").chmod(0o311)
    (public_tree / "listed").chmod(0o644)
    (public_tree / "rules" / ".gitignore").chmod(0o200)
    found = unprivileged(
        "w = walk(Path(sys.argv[1]), max_file_bytes=1000, max_files=10)\n"
        "print(json.dumps([[f.path for f in w.files], [[s.path, s.reason, s.detail] for s in w.skipped]]))",
        public_tree,
    )
    assert found == [
        ["ok.py", "rules/.gitignore", "rules/x.py"],
        [
            ["closed/", "unreadable", "Permission denied"],
            ["listed/a.py", "unreadable", "Permission denied"],
            ["listed/b.png", "binary", ""],
            ["rules/.gitignore", "unreadable", "its rules aren't applied: permission"],
        ],
    ]


def test_what_vanishes_during_the_walk_is_no_part_of_it(tmp_path: Path) -> None:
    """A second process creates and removes files and directories all the while."""
    make(tmp_path, *(f"stays/{i}/x.py" for i in range(50)))
    script = (
        "import os, sys, shutil\nos.chdir(sys.argv[1])\nprint(flush=True)\nwhile True:\n"
        "    for i in range(50):\n        os.makedirs(f'stays/{i}/gone/deep', exist_ok=True)\n"
        "        open(f'stays/{i}/gone/deep/y.py', 'w').close()\n"
        "    for i in range(50):\n        shutil.rmtree(f'stays/{i}/gone')\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as churn:
        try:
            assert churn.stdout is not None
            churn.stdout.readline()
            for _ in range(60):
                found = look(tmp_path)
                assert [f.path for f in found.files if "gone" not in f.path] == files_that_stay()
                assert found.skipped == ()
        finally:
            churn.kill()


def files_that_stay() -> list[str]:
    return sorted(f"stays/{i}/x.py" for i in range(50))
