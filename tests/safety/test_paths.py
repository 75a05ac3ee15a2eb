"""Paths that attack: whatever they are, and whoever asks, nothing outside the root is read, listed or waited for."""

from __future__ import annotations

import os
import subprocess
import threading
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from path_attacks import ATTACKS, GOOD, LEXICAL, SECRET, SPELLED_OTHERWISE, path_of, planted

import treeseek
from treeseek import Engine, Filters
from treeseek.errors import TreeseekError, UnreadableError, UsageError
from treeseek.frontends.cli.main import main
from treeseek.settings import Settings
from treeseek.workspace import client_path, client_revision, files, open_root, walk
from treeseek.workspace.clients import client_range, is_beneath
from treeseek.workspace.revisions import open_repository


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("paths").resolve())


@pytest.fixture(scope="module")
def engine(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    place = tmp_path_factory.mktemp("index")
    with treeseek.open(root, Settings(place / "data", place / "cache", workers=1)) as opened:
        opened.sync()
        yield opened


def refused(call: Callable[[], object]) -> None:
    """Hold that a call ends with an error in one line, which tells nothing of what is outside."""
    with pytest.raises((UnreadableError, UsageError)) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_kernels_way_refuses(attack: str, root: Path) -> None:
    with open_root(root) as reader:
        refused(lambda: reader.read(path_of(attack, root), 1000))


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_way_of_other_systems_refuses(attack: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_openat2", lambda: None)
    with open_root(root) as reader:
        assert reader._open is files._open_by_component
        refused(lambda: reader.read(path_of(attack, root), 1000))


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack not in SPELLED_OTHERWISE])
def test_the_library_refuses_to_outline(attack: str, root: Path, engine: Engine) -> None:
    refused(lambda: engine.outline(path_of(attack, root)))


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack not in SPELLED_OTHERWISE])
def test_the_library_finds_nothing_like_it(attack: str, root: Path, engine: Engine) -> None:
    refused(lambda: engine.related(path_of(attack, root), 1))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_filter_never_widens(attack: str, root: Path, engine: Engine) -> None:
    try:
        found = engine.search("inside secret", filters=Filters(path=path_of(attack, root)))
    except TreeseekError as error:
        assert SECRET not in str(error)
        return
    assert {hit.path for hit in found.hits} <= {"good.py"}


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if "\0" not in LEXICAL.get(attack, "")])
def test_the_command_line_refuses(
    attack: str, root: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    """With a root that is named; without, an absolute path names its own root, which is the user's right."""
    monkeypatch.chdir(root)
    monkeypatch.setenv("TREESEEK_DATA_DIR", str(tmp_path / "data"))
    code = main(["outline", "--root", str(root), "--", path_of(attack, root)])
    out, err = capfdbinary.readouterr()
    assert code == 2 or (b"good.py" in out and attack in ("back-in", *SPELLED_OTHERWISE))
    assert SECRET.encode() not in out + err
    assert err.count(b"\n") <= 1


@pytest.mark.parametrize("attack", LEXICAL)
def test_a_clients_path_is_judged_as_text(attack: str, root: Path) -> None:
    """What servers call: the answer is a path without any way up, or an error."""
    try:
        path = client_path(path_of(attack, root), root)
    except UsageError as error:
        assert "\n" not in str(error)
        return
    assert is_beneath(path)
    assert Path(os.path.normpath(root / path)).is_relative_to(root)


def test_paths_that_are_meant_well_pass(root: Path) -> None:
    given = ("good.py", "./good.py", f"{root}/good.py", "dir//deep/", "", ".", str(root), "a b/é.py", "..py", "...")
    assert [client_path(path, root) for path in given] == [
        "good.py", "good.py", "good.py", "dir/deep", "", "", "", "a b/é.py", "..py", "...",
    ]  # fmt: skip


def test_nothing_of_it_is_indexed_and_each_is_told(engine: Engine) -> None:
    skipped = {left.path: left.reason for left in engine.status(skipped=True).skipped}
    assert {"link.py", "dirlink", "proc", "magic-root", "chain.py"} <= {
        path for path, reason in skipped.items() if reason == "symlink-outside"
    }
    assert (skipped["fifo"], skipped["socket"], skipped["link-inside.py"]) == ("special", "special", "symlink")
    assert {hit.path for hit in engine.search(SECRET).hits} <= {"good.py"}


def test_the_index_is_the_same_without_openat2(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = walk(root, max_file_bytes=1000, max_files=100)
    monkeypatch.setattr(files, "_openat2", lambda: None)
    assert walk(root, max_file_bytes=1000, max_files=100) == found
    with treeseek.open(root, Settings(tmp_path / "data", tmp_path / "cache", workers=1)) as engine:
        assert engine.sync().files == 1
        assert [one.name for one in engine.outline("good.py").declarations] == ["inside"]


def test_another_name_of_a_file_is_a_file(tmp_path: Path) -> None:
    """Decided: a hard link leads nowhere; who could make it could read what it names."""
    (tmp_path / "root").mkdir()
    (tmp_path / "outside.py").write_text(GOOD)
    os.link(tmp_path / "outside.py", tmp_path / "root" / "hard.py")
    with open_root(tmp_path / "root") as reader:
        assert reader.read("hard.py", 100) == GOOD.encode()


def test_what_is_mounted_is_part_of_the_root_and_magic_links_are_not() -> None:
    """Decided: only the administrator mounts. /proc is a mount of its own in /."""
    with open_root(Path("/")) as reader:
        assert b"Name:" in reader.read("proc/self/status".replace("self", str(os.getpid())), 100_000)
        for path in ("root/etc/passwd", "cwd/x", "fd/0", "exe"):
            with pytest.raises(UnreadableError):
                reader.read(f"proc/{os.getpid()}/{path}", 100_000)


def test_names_that_differ_in_case_or_form_are_two_files(tmp_path: Path) -> None:
    names = ["é.py", unicodedata.normalize("NFD", "é.py"), "A.py", "a.py", "ﬁ.py", "fi.py"]
    for number, name in enumerate(names):
        (tmp_path / name).write_text(str(number))
    with open_root(tmp_path) as reader:
        assert [reader.read(name, 10) for name in names] == [str(number).encode() for number in range(6)]
    assert {file.path for file in walk(tmp_path, max_file_bytes=10, max_files=10).files} == set(names)


@pytest.mark.parametrize("forced", [False, True])
def test_a_directory_swapped_during_the_walk_shows_nothing_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forced: bool
) -> None:
    if forced:
        monkeypatch.setattr(files, "_openat2", lambda: None)
    root, evil = tmp_path / "root", tmp_path / "evil"
    (root / "dir" / "sub").mkdir(parents=True)
    (root / "dir" / "sub" / "a.py").write_text(GOOD)
    (evil / "sub").mkdir(parents=True)
    (evil / "sub" / f"{SECRET}.py").write_text(GOOD)
    (root / "link").symlink_to(evil)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "dir").rename(root / "aside")
            (root / "link").rename(root / "dir")
            (root / "dir").rename(root / "link")
            (root / "aside").rename(root / "dir")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen: set[str] = set()
    try:
        for _ in range(400):
            found = walk(root, max_file_bytes=1000, max_files=100)
            seen |= {file.path for file in found.files} | {left.path for left in found.skipped}
    finally:
        stop.set()
        swapper.join()
    assert any(path.endswith("a.py") for path in seen)
    assert not any(SECRET in path for path in seen)


def test_a_file_that_grows_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_bytes(b"half")
    real, calls = files._read, []

    def grown(descriptor: int, expected: int, most: int) -> bytes:
        data = real(descriptor, expected, most)
        calls.append(data)
        if len(calls) == 1:
            (tmp_path / "a.py").write_bytes(b"the whole")
        return data

    monkeypatch.setattr(files, "_read", grown)
    with open_root(tmp_path) as reader:
        assert reader.read("a.py", 100) == b"the whole"
        assert len(calls) == 2
        calls.clear()
        (tmp_path / "a.py").write_bytes(b"half")
        with pytest.raises(UnreadableError, match="larger"):
            reader.read("a.py", 8)


# -- revisions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        "", "-", "--output=/tmp/x", "-x", "--upload-pack=evil", "HEAD:../secret", ":/text", ":0:a.py",
        "HEAD^{/re}", "a b",
        "a..b", "a...b", "..", "...", "a\0b", "a\nb", "a\x1b[31m", "a\x7f", ".hidden",
        "a/.b", "a.lock", "a.lock/b",
        "a//b", "/a", "a/", "a.", "a[b", "a*", "a?", "a\\b", "x" * 300, "^HEAD", "~1", "HEAD^{tree}", "HEAD@{a\nb}",
        "@{", "HEAD@{-1", "refs/../../x", "a:b", "^", "HEAD^@x", "HEAD^!",
    ],
)  # fmt: skip
def test_what_is_no_revision_never_reaches_git(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        client_revision(given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    ["HEAD", "@", "HEAD~2", "HEAD^", "HEAD^2~3", "main", "feature/x-1", "v1.0", "origin/main", "a" * 40,
     "@{u}",
     "@{-1}", "HEAD@{1}", "main@{yesterday}", "main@{2 days ago}", "v1^{commit}", "v1^{}", "refs/tags/v1", "名前",
     "a@b"],
)  # fmt: skip
def test_revisions_pass_as_they_are(given: str) -> None:
    assert client_revision(given) == given


def test_ranges() -> None:
    assert client_range("a..b") == ("a", "b", "..")
    assert client_range("a...") == ("a", "HEAD", "...")
    assert client_range("..") == ("HEAD", "HEAD", "..")
    for given in ("a", "a..-x", "--x..b", "a....b", "a..b..c"):
        with pytest.raises(UsageError):
            client_range(given)


def test_a_forged_tree_leads_nowhere(tmp_path: Path) -> None:
    """Git's own checks refuse such names, but a repository that was copied may hold them."""
    root = tmp_path / "root"

    def git(*arguments: str, data: bytes = b"") -> str:
        command = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, input=data, check=True, capture_output=True).stdout.decode().strip()

    root.mkdir()
    git("init", "-q")
    (tmp_path / "secret.py").write_text(SECRET)
    blob = git("hash-object", "-w", "--stdin", data=b"x = 1\n")
    raw = b"".join(b"100644 %s\0%s" % (name, bytes.fromhex(blob)) for name in (b"..", b"a.py"))
    tree = git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", data=raw)
    outer = git("mktree", "--missing", data=f"040000 tree {tree}\tdir\n".encode())
    commit = git("commit-tree", outer, "-m", "forged")
    with open_repository(root) as repository:
        assert set(repository.files(repository.tree(commit))) == {"dir/a.py"}
