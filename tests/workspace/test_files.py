from __future__ import annotations

import os
import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from treeseek.errors import UnreadableError
from treeseek.workspace import RootReader, content_hash, files, open_root, read
from treeseek.workspace.files import Opener, _open_by_component, _openat2, _read


def openers() -> list[Opener]:
    """The kernel's way, where it is offered, and the way for every other system: they must not differ."""
    by_kernel = _openat2()
    return [_open_by_component, *([by_kernel] if by_kernel else [])]


@pytest.fixture(params=openers(), ids=lambda opener: opener.__name__)
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RootReader]:
    (tmp_path / "outside.py").write_text("outside")
    (tmp_path / "root" / "dir").mkdir(parents=True)
    descriptor = os.open(tmp_path / "root", os.O_RDONLY)
    yield RootReader(descriptor, request.param)
    os.close(descriptor)


def reason(reader: RootReader, path: str, max_bytes: int = 100) -> str:
    with pytest.raises(UnreadableError) as caught:
        reader.read(path, max_bytes)
    assert "\n" not in str(caught.value)
    return caught.value.reason


def test_reads_what_is_there(reader: RootReader, tmp_path: Path) -> None:
    for name, data in {"a.py": b"x\r\n\0\xff", "dir/é\n.py": b"y" * 100, "empty": b""}.items():
        (tmp_path / "root" / name).write_bytes(data)
        assert reader.read(name, 100) == data
        assert read(tmp_path / "root", name, max_bytes=100) == data


def test_no_link_is_followed_in_any_component(reader: RootReader, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "dir" / "a.py").touch()
    (root / "inside.py").symlink_to("dir/a.py")
    (root / "out.py").symlink_to("../outside.py")
    (root / "absolute.py").symlink_to(tmp_path / "outside.py")
    (root / "through").symlink_to("dir")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    for path in ("inside.py", "out.py", "absolute.py", "through/a.py", "up/outside.py", "loop", "dangling"):
        assert reason(reader, path) == "symlink", path


def test_no_path_climbs_out(reader: RootReader, tmp_path: Path) -> None:
    for path in ("../outside.py", "dir/../../outside.py", str(tmp_path / "outside.py"), "/etc/hostname", ".."):
        assert reason(reader, path) == "outside", path


def test_what_is_gone_or_can_not_be(reader: RootReader, tmp_path: Path) -> None:
    (tmp_path / "root" / "file").touch()
    for path in ("gone.py", "dir/gone.py", "gone/a.py", "file/a.py", "", "file\0.py", "\ud800.py"):
        assert reason(reader, path) == "vanished", path
    assert reason(reader, "n" * 300) == "io-error"


def test_only_regular_files(reader: RootReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path / "root")
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for path in ("dir", "fifo", "socket"):
            assert reason(reader, path) == "not-regular", path


def test_a_limit_is_never_passed(reader: RootReader, tmp_path: Path) -> None:
    (tmp_path / "root" / "a.py").write_bytes(b"x" * 100)
    assert reader.read("a.py", 100) == b"x" * 100
    assert reason(reader, "a.py", 99) == "too-large"


@pytest.mark.parametrize("size", [0, 5, 600_000])
@pytest.mark.parametrize("expected", [0, 5, 6, 300_000])
def test_a_size_that_is_no_longer_true_does_not_cut_the_file(tmp_path: Path, size: int, expected: int) -> None:
    (tmp_path / "a.py").write_bytes(bytes(range(250)) * (size // 250) + b"y" * (size % 250))
    descriptor = os.open(tmp_path / "a.py", os.O_RDONLY)
    assert _read(descriptor, expected, 10**6) == (tmp_path / "a.py").read_bytes()
    os.lseek(descriptor, 0, os.SEEK_SET)
    assert len(_read(descriptor, expected, 100)) == min(size, 101)
    os.close(descriptor)


def test_a_file_that_has_no_size_is_limited_all_the_same() -> None:
    """Files of /proc claim to be empty."""
    with open_root(Path("/proc/self")) as proc:
        assert b"Name:" in proc.read("status", 100_000)
        assert reason(proc, "status", 10) == "too-large"


def test_a_hash_is_that_of_the_bytes_however_often_and_when_it_is_asked_for(
    reader: RootReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that has rested isn't read again, and any change shows, in whichever way it is made."""
    read: list[int] = []
    whole = files._whole
    monkeypatch.setattr(files, "_whole", lambda *given: read.append(1) or whole(*given))
    place = tmp_path / "root" / "rested.py"

    def check(content: bytes) -> None:
        assert reader.digest("rested.py", 100) == content_hash(content)

    place.write_bytes(b"one")
    check(b"one")
    check(b"one")
    assert len(read) == 2, "it has only just been written"
    monkeypatch.setattr(files, "_REST_NS", -(10**12))
    check(b"one")
    check(b"one")
    assert len(read) == 3
    times = place.stat()
    place.write_bytes(b"two")
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    check(b"two")
    (tmp_path / "other").write_bytes(b"six")
    (tmp_path / "other").replace(place)
    check(b"six")
    with pytest.raises(UnreadableError, match="larger"):
        reader.digest("rested.py", 2)
    monkeypatch.setattr(files, "_MAX_DIGESTS", 1)
    files._remember((0, 0, 0, 0, 0), "")
    check(b"six")


def test_a_root_that_has_gone(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError) as caught:
        read(tmp_path / "gone", "a.py", max_bytes=100)
    assert caught.value.reason == "vanished"


def test_permission(public_tree: Path, unprivileged: Callable[..., object]) -> None:
    (public_tree / "closed.py").touch()
    (public_tree / "closed.py").chmod(0)
    (public_tree / "dir").mkdir()
    (public_tree / "dir" / "a.py").touch()
    (public_tree / "dir").chmod(0o600)
    code = (
        "def why(path):\n    try:\n        read(Path(sys.argv[1]), path, max_bytes=9)\n"
        "    except UnreadableError as error:\n        return error.reason\n"
        "print(json.dumps([why('closed.py'), why('dir/a.py')]))"
    )
    assert unprivileged(code, public_tree) == ["permission", "permission"]


def test_a_swap_for_a_link_never_shows_what_is_outside(reader: RootReader, tmp_path: Path) -> None:
    """While it is read, `dir` turns from a directory to a link out of the root and back."""
    root = tmp_path / "root"
    (root / "dir" / "a.py").write_text("inside")
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "a.py").write_text("outside")
    (root / "link").symlink_to(tmp_path / "evil")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "dir").rename(root / "aside")
            (root / "link").rename(root / "dir")
            (root / "dir").rename(root / "link")
            (root / "aside").rename(root / "dir")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(3000):
            try:
                seen.add(reader.read("dir/a.py", 100))
            except UnreadableError as error:
                seen.add(error.reason.encode())
    finally:
        stop.set()
        swapper.join()
    assert b"inside" in seen
    assert seen <= {b"inside", b"vanished", b"symlink"}


def test_the_error_passes_between_processes() -> None:
    error = pickle.loads(pickle.dumps(UnreadableError("gone", reason="vanished")))
    assert (str(error), error.reason, error.code, error.exit_code) == ("gone", "vanished", "unreadable", 2)
