"""Readers while writers commit and drop versions: what was read of a moment ago may be gone, and nothing is damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import treeseek
from treeseek.errors import StoreCorruptError
from treeseek.retrieval.reader import Reader
from treeseek.settings import load
from treeseek.store import UnitStore, reading
from treeseek.store.lock import dropping
from treeseek.store.maintenance import maintain


def test_a_version_that_is_dropped_while_it_is_opened_is_followed_not_given_up(store, units, monkeypatch):
    store.commit(units({"a.py": ["one"], "b.py": ["b"]}), [])
    for name in ("two", "three"):
        store.commit(units({"a.py": [name]}), ["a.py"])
    reader = UnitStore.open(store.directory)
    assert reader is not None
    store.commit(units({"a.py": ["four"]}), ["a.py"])
    opened = UnitStore.open_version

    def late(self, entry, *, is_fallback=False):
        if self is reader and entry.version == 4:
            store.commit(units({"a.py": ["five"]}), ["a.py"])
            maintain(store, force=True)
        return opened(self, entry, is_fallback=is_fallback)

    monkeypatch.setattr(UnitStore, "open_version", late)
    found = reader.snapshot()
    assert not found.is_fallback
    assert sorted(found.columns().name) == ["b", "five"]


def test_a_search_goes_on_while_versions_are_dropped_as_soon_as_they_are_read(tmp_path: Path, monkeypatch):
    root = tmp_path / "root"
    root.mkdir()
    for number in range(8):
        (root / f"f{number}.py").write_text(f"def retry_{number}(): return {number}\n")
    settings = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    writer, reader = treeseek.open(root, settings), treeseek.open(root, settings)
    writer.sync()
    reader.search("retry")
    laid_out, rounds = Reader._laid_out, iter(range(3))

    def late(self, *version):
        found = laid_out(self, *version)
        if self is reader._reader and (number := next(rounds, None)) is not None:
            (root / "new.py").write_text(f"def again_{number}(): return '{'x' * number}'\n")
            writer.sync()
            writer.tidy(force=True)
            raise StoreCorruptError("as a file of that version is gone")
        return found

    monkeypatch.setattr(Reader, "_laid_out", late)
    assert reader.search("again").hits[0].name == "again_2"
    monkeypatch.setattr(Reader, "_laid_out", lambda *_: (_ for _ in ()).throw(StoreCorruptError("damaged")))
    with pytest.raises(StoreCorruptError, match="damaged"):
        reader.search("once more")


READ = """
import sys
from pathlib import Path
from treeseek.store import reading
with reading(Path(sys.argv[1])):
    print("reading", flush=True)
    sys.stdin.read()
"""


def test_no_version_goes_while_another_process_is_reading_unless_it_is_old(store, units, monkeypatch):
    monkeypatch.setattr("treeseek.store.maintenance.GRACE", timedelta(hours=1))
    for name in ("one", "two", "three"):
        store.commit(units({"a.py": [name]}), ["a.py"])
    command = [sys.executable, "-c", READ, str(store.directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reading\n"
        assert maintain(store, force=True).versions_dropped == 0
        reader.kill()
    assert maintain(store, force=True).versions_dropped == 2


def test_reading_takes_no_time_from_others_and_needs_no_index(tmp_path: Path):
    with reading(tmp_path / "none"), dropping(tmp_path / "none") as is_unread:
        assert not is_unread
    with reading(tmp_path), reading(tmp_path), dropping(tmp_path) as is_unread:
        assert not is_unread
    with dropping(tmp_path) as is_unread, reading(tmp_path):
        assert is_unread


IMPORT_LANCE = """
import os
from treeseek.settings import prepare_lance
prepare_lance()
import lance
print(os.environ["LANCE_LOG"])
"""


@pytest.mark.parametrize(("said", "kept"), [(None, "ERROR"), ("debug", "debug")])
def test_lance_takes_the_level_at_which_it_is_to_log(said: str | None, kept: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "LANCE_LOG"}
    environment |= {} if said is None else {"LANCE_LOG": said}
    done = subprocess.run([sys.executable, "-c", IMPORT_LANCE], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{kept}\n"), done.stderr
