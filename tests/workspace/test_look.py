"""A look at some paths says what a walk says of them, or that only a walk can tell."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from treeseek.errors import RootError
from treeseek.workspace import Walk, directories, look, walk
from treeseek.workspace.checkout import MAX_RULE_BYTES
from treeseek.workspace.look import may_matter

LIMIT = 100


def walked(root: Path) -> Walk:
    return walk(root, max_file_bytes=LIMIT, max_files=10**6)


def looked(root: Path, *paths: str) -> Walk | None:
    return look(root, paths, max_file_bytes=LIMIT)


def is_related(path: str, hint: str) -> bool:
    path, hint = path.rstrip("/"), hint.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return path == hint or path.startswith(hint + "/") or hint.startswith(path + "/")


def restricted(found: Walk, hints: tuple[str, ...] | list[str]) -> Walk:
    """Return what a walk found at, beneath or above the hints."""
    files = tuple(file for file in found.files if any(is_related(file.path, hint) for hint in hints))
    skipped = tuple(left for left in found.skipped if any(is_related(left.path, hint) for hint in hints))
    return Walk(files, skipped, found.brought_back & {file.path for file in files})


def patched(known: Walk, hints: list[str], answer: Walk) -> Walk:
    """Return what is known after a look at what has changed."""
    files = {file.path: file for file in known.files if not any(is_related(file.path, hint) for hint in hints)}
    files |= {file.path: file for file in answer.files}
    return Walk(
        tuple(files[path] for path in sorted(files)), (), (known.brought_back & files.keys()) | answer.brought_back
    )


def make(root: Path, *paths: str, text: str = "x\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@contextmanager
def temporary_root() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp()).resolve()
    try:
        yield root
    finally:
        shutil.rmtree(root)


NAMES = [
    "a", "b", "c.py", "x.png", "vendor", "Vendor", "target", "node_modules", "assets", "go.mod", "MAKEFILE",
    "pyvenv.cfg", "CACHEDIR.TAG", ".rustc_info.json", ".gitignore", ".treeseekignore", ".git", ".hg", "info", "exclude",
    "modules", "é",
]  # fmt: skip
names = st.sampled_from(NAMES)
lines = st.lists(
    st.tuples(st.sampled_from(["", "", "!", "/", "!/"]), st.sampled_from([*NAMES, "*", "a/*", "**/b", "*.py", "[ab]"]),
              st.sampled_from(["", "/"])).map("".join),
    max_size=3,
)  # fmt: skip
contents = lines.map("\n".join) | st.just("x" * (LIMIT + 1))
links = st.sampled_from(["a", "..", "../b", "/etc", "nowhere"]).map(lambda target: ("link", target))
leaves = st.one_of(contents, contents, contents, links, st.just(("fifo", "")))
nodes = st.recursive(leaves, lambda inner: st.dictionaries(names, inner, max_size=5), max_leaves=25)
trees = st.dictionaries(names, nodes, max_size=6)
hints = st.lists(st.lists(names, min_size=1, max_size=4).map("/".join), max_size=4)


def build(place: Path, node: object) -> None:
    if isinstance(node, dict):
        place.mkdir(exist_ok=True)
        for name, inner in node.items():
            build(place / name, inner)
    elif isinstance(node, str):
        place.write_text(node)
    elif isinstance(node, tuple) and node[0] == "link":
        place.symlink_to(node[1])
    else:
        os.mkfifo(place)


def paths_of(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


@settings(max_examples=200, deadline=None)
@given(tree=trees, strange=hints, data=st.data())
def test_a_look_says_what_a_walk_says(tree: object, strange: list[str], data: st.DataObject) -> None:
    with temporary_root() as root:
        build(root, tree)
        present = paths_of(root)
        asked = strange + (data.draw(st.lists(st.sampled_from(present), max_size=4)) if present else [])
        answer = looked(root, *asked)
        event("only a walk can tell" if answer is None else "told")
        assert answer is None or answer == restricted(walked(root), asked)
        entered = directories(root, asked)
        assert (entered is None) == (answer is None)
        everywhere = directories(root)
        assert everywhere is not None
        if entered is not None:
            of_these = [path for path in everywhere if any(is_related(path, hint) for hint in asked)]
            assert sorted(entered) == sorted(["", *of_these] if asked else [])


rule_files = st.sampled_from([".gitignore", ".treeseekignore"])
edits = st.lists(
    st.one_of(
        st.tuples(st.just("write"), rule_files.map(lambda name: [name]), lines.map("\n".join)),
        st.tuples(st.just("write"), st.lists(names, min_size=1, max_size=3), contents),
        st.tuples(st.just("remove"), st.integers(0, 10**6), st.none()),
        st.tuples(st.just("rename"), st.integers(0, 10**6), st.lists(names, min_size=1, max_size=3)),
    ),
    min_size=1,
    max_size=5,
)


def first_missing(root: Path, parts: list[str]) -> str:
    """Return the path that appears when `parts` does: the first component that isn't there, or all."""
    for depth in range(1, len(parts)):
        if not os.path.lexists(root.joinpath(*parts[:depth])):
            return "/".join(parts[:depth])
    return "/".join(parts)


def apply(root: Path, edit: tuple[str, object, object]) -> list[str]:
    """Make an edit, if it can be made, and return the paths that appeared, changed or vanished."""
    kind, where, what = edit
    present = paths_of(root)
    if kind == "write":
        assert isinstance(where, list)
        changed = [first_missing(root, where)]
        try:
            (root / "/".join(where)).parent.mkdir(parents=True, exist_ok=True)
            if (root / "/".join(where)).is_file() or not os.path.lexists(root / "/".join(where)):
                (root / "/".join(where)).resolve().relative_to(root)
                (root / "/".join(where)).write_text(str(what))
        except (OSError, ValueError, RuntimeError):
            pass
        return [*changed, *([resolved] if (resolved := target(root, where)) else [])]
    if not present:
        return []
    assert isinstance(where, int)
    source = present[where % len(present)]
    if kind == "remove":
        place = root / source
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
        return [source]
    assert isinstance(what, list)
    changed = [source, first_missing(root, what)]
    try:
        (root / "/".join(what)).parent.mkdir(parents=True, exist_ok=True)
        (root / source).rename(root / "/".join(what))
    except OSError:
        pass
    return [*changed, *([resolved] if (resolved := target(root, what)) else [])]


def target(root: Path, parts: list[str]) -> str:
    """Return where a path leads by way of links, which is what has changed, or "" if that's out of the root."""
    try:
        return (root / "/".join(parts)).resolve().relative_to(root).as_posix()
    except (OSError, ValueError, RuntimeError):
        return ""


@settings(max_examples=200, deadline=None)
@given(tree=trees, rounds=st.lists(edits, min_size=1, max_size=3))
def test_looks_at_what_changed_keep_up_with_walks(tree: object, rounds: list[list[tuple[str, object, object]]]) -> None:
    with temporary_root() as root:
        build(root, tree)
        known = walked(root)
        for each in rounds:
            changed = [path for edit in each for path in apply(root, edit)]
            answer = looked(root, *changed)
            now = walked(root)
            known = now if answer is None else patched(known, changed, answer)
            assert (known.files, known.brought_back) == (now.files, now.brought_back)


def test_files_directories_and_what_is_not_there(tmp_path: Path) -> None:
    make(tmp_path, "a/b/c.py", "a/b/d.png", "a/e.py", "f.py")
    found = looked(tmp_path, "a/b/", "./f.py", "a/none.py", "none/at/all", "a//b/c.py")
    assert found is not None
    assert [file.path for file in found.files] == ["a/b/c.py", "f.py"]
    assert [left.path for left in found.skipped] == ["a/b/d.png"]
    assert looked(tmp_path) == Walk((), ())


@pytest.mark.parametrize(
    ("hint", "entry"),
    [
        ("node_modules/x/y.js", ("node_modules/", "vendored")),
        ("out/deep/er.py", ("out/", "ignored")),
        ("env/lib/x.py", ("env/", "vendored")),
        ("link/x.py", ("link", "symlink-outside")),
    ],
)
def test_below_what_is_left_out_the_answer_is_why(tmp_path: Path, hint: str, entry: tuple[str, str]) -> None:
    make(tmp_path, "node_modules/x/y.js", "out/deep/er.py", "env/pyvenv.cfg", "env/lib/x.py")
    make(tmp_path, ".gitignore", text="out\n")
    (tmp_path / "link").symlink_to("/etc")
    found = looked(tmp_path, hint)
    assert found is not None
    assert [(left.path, left.reason) for left in found.skipped] == [entry]
    assert found.files == ()


def test_below_what_has_become_a_file_the_answer_is_the_file(tmp_path: Path) -> None:
    make(tmp_path, "a")
    found = looked(tmp_path, "a/b/c.py")
    assert found is not None
    assert [file.path for file in found.files] == ["a"]


@pytest.mark.parametrize(
    "hint",
    [
        "", ".", "/etc", "../x", "a/../b", ".gitignore", "lib/.gitignore", "lib/.treeseekignore", ".git", "sub/.git",
        ".git/info/exclude", ".git/info", ".git/config", ".git/modules/x", ".git/modules/x/config", ".git/worktrees/x",
        "lib/pyvenv.cfg", "lib/CACHEDIR.TAG", "target/.rustc_info.json", "lib/go.mod",
    ],
)  # fmt: skip
def test_what_only_a_walk_can_tell(tmp_path: Path, hint: str) -> None:
    make(tmp_path, "lib/vendor/x.go", "lib/x.py", "target/x.rs")
    assert looked(tmp_path, "lib/x.py", hint) is None
    assert directories(tmp_path, ["lib/x.py", hint]) is None


@pytest.mark.parametrize(
    "hint",
    [
        ".git/index", ".git/HEAD", ".git/objects/ab/cd", ".git/refs/heads/config", ".git/index.lock", ".hg/x",
        ".git/logs", ".git/modules/x/index.lock", ".git/worktrees/x/index", "lib/x\0.py", "\ud800", "go.mod",
        "pyvenv.cfg",
        "lib/.rustc_info.json", "other/go.mod",
    ],
)  # fmt: skip
def test_what_decides_over_nothing_else(tmp_path: Path, hint: str) -> None:
    make(tmp_path, "lib/vendor/x.go", "other/x.py", "vendor/x.py")
    assert looked(tmp_path, hint) == Walk((), ())


def test_a_new_directory_is_told_whatever_it_holds(tmp_path: Path) -> None:
    make(tmp_path, "new/go.mod", "new/vendor/x.go", "new/sub/pyvenv.cfg", "new/.git/info/exclude", "new/x.py")
    make(tmp_path, "new/.gitignore", text="x.py\n")
    hints = ["new/.gitignore", "new/go.mod", "new", "new/.git/info/exclude", "new/sub/pyvenv.cfg"]
    assert looked(tmp_path, *hints) == restricted(walked(tmp_path), ["new"])


def test_names_that_are_not_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"bad\xff")
    make(tmp_path, f"{name}/x.py", f"d/{name}.py")
    for hint in (f"{name}/x.py", f"d/{name}.py"):
        assert looked(tmp_path, hint) == restricted(walked(tmp_path), [hint])


def test_rules_that_cannot_be_read_are_told_with_their_directory_only(tmp_path: Path) -> None:
    make(tmp_path, ".gitignore", "lib/.gitignore", text="#" * (MAX_RULE_BYTES + 1))
    make(tmp_path, "lib/x.py")
    assert looked(tmp_path, "lib/x.py") == restricted(walked(tmp_path), ["lib/x.py"])
    assert looked(tmp_path, "lib") == restricted(walked(tmp_path), ["lib"])


def test_another_spelling_is_another_name(tmp_path: Path) -> None:
    """Where case doesn't count, both spellings are one file; a hard link looks the same to a look-up."""
    make(tmp_path, "a.py", "sub/cachedir.tag", "sub/x.py")
    (tmp_path / "A.py").hardlink_to(tmp_path / "a.py")
    for hint in ("a.py", "A.py", "sub/x.py"):
        assert looked(tmp_path, hint) == restricted(walked(tmp_path), [hint])


def test_directories_closed_to_us(public_tree: Path, unprivileged: Callable[..., object]) -> None:
    make(public_tree, "closed/a.py", "listed/a.py", "through/.gitignore", "through/a.py")
    (public_tree / "closed").chmod(0o311)
    (public_tree / "listed").chmod(0o644)
    (public_tree / "through" / ".gitignore").chmod(0o200)
    found = unprivileged(
        "def told(path):\n"
        "    w = look(Path(sys.argv[1]), [path], max_file_bytes=1000)\n"
        "    return w and [[f.path for f in w.files], [[s.path, s.reason] for s in w.skipped]]\n"
        "print(json.dumps([told(path) for path in sys.argv[2:]]))",
        public_tree, "closed/a.py", "listed/a.py", "listed", "through/a.py", "through",
    )  # fmt: skip
    assert found == [
        [[], [["closed/", "unreadable"]]],
        None,
        [[], [["listed/a.py", "unreadable"]]],
        [["through/a.py"], []],
        [["through/.gitignore", "through/a.py"], [["through/.gitignore", "unreadable"]]],
    ]


def test_a_root_that_has_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RootError, match="gone"):
        looked(tmp_path / "gone", "a.py")
    with pytest.raises(RootError, match="gone"):
        directories(tmp_path / "gone", ["a.py"])


def test_most_changes_in_git_cannot_matter() -> None:
    assert not any(map(may_matter, [".git/index", ".git/objects/ab", "a/.git/refs/heads/main", ".hg/x"]))
    assert all(map(may_matter, ["a.py", ".git", ".git/info/exclude", "a/.git", ".github/x"]))
