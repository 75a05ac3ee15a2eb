"""The journal and the log below it: what was acknowledged is there, what was not is not, and damage is never silent."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek.errors import FormatError, StoreCorruptError
from treeseek.store import journal as journals
from treeseek.store import log
from treeseek.store.durable import replace_durably
from treeseek.store.journal import Entry, Journal


def read(path: Path) -> log.Log:
    """Return all that a log holds, to who has not seen it before."""
    news = log.Followed(path).news()
    return log.Log((), (), 0, False) if news is None else news[0]


TEXTS = st.lists(st.binary(max_size=30).filter(lambda text: b"\n" not in text), max_size=6)


@given(TEXTS, TEXTS)
@settings(max_examples=50, deadline=None)
def test_a_log_gives_back_what_was_appended(
    tmp_path_factory: pytest.TempPathFactory, first: list[bytes], second: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    log.append(path, first)
    log.append(path, second)
    assert read(path) == log.Log((*first, *second), (), path.stat().st_size, False)


@given(TEXTS.filter(bool), st.data())
@settings(max_examples=100, deadline=None)
def test_every_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, texts: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    log.append(path, texts)
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    found = read(path)
    assert found.damaged
    assert set(found.texts) <= set(texts)


@given(TEXTS.filter(bool), st.data())
@settings(max_examples=100, deadline=None)
def test_a_log_cut_anywhere_keeps_its_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, texts: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    log.append(path, texts)
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    found = read(path)
    assert found.texts == tuple(texts[:whole])
    assert found.is_torn == (cut not in {0, *(i + 1 for i, byte in enumerate(content) if byte == 10)})
    assert len(found.damaged) <= 1  # a line that lacks nothing but its end might be either
    rest = log.truncate(path, found.end)
    assert path.read_bytes() + rest == content[:cut]


@pytest.mark.parametrize("lost", [1, 2, 9, 30])
def test_an_end_that_a_power_cut_left_as_zeros_is_unfinished_not_damaged(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "log"
    log.append(path, [b"first", b"second, and rather longer"])
    content = path.read_bytes()
    path.write_bytes(content[:-lost] + bytes(lost))
    found = read(path)
    assert (found.texts, found.damaged, found.is_torn) == ((b"first",), (), True)


@given(st.lists(st.tuples(st.sampled_from(["add", "replace", "reuse", "break off"]), TEXTS), max_size=8))
@settings(max_examples=150, deadline=None)
def test_who_follows_a_log_has_what_who_reads_it_has(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, list[bytes]]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    followed = log.Followed(path)
    texts: list[bytes] = []
    for number, (kind, added) in enumerate(changes):
        named = [b"%d %b" % (number, text) for text in added]
        if kind == "add":
            log.append(path, named)
        elif kind == "break off" and path.exists():
            whole = path.read_bytes()
            path.write_bytes(whole + log.rewritten(named)[:-5])
            followed.news()
            path.write_bytes(whole)
        elif kind == "replace":
            replace_durably(path, log.rewritten(named))
        else:  # another file with the same inode
            path.write_bytes(log.rewritten(named))
        news = followed.news()
        if news is not None:
            texts = [*([] if news[1] else texts), *news[0].texts]
        assert texts == list(read(path).texts)
    assert followed.news() is None


def test_a_journal_that_took_over_an_inode_is_not_read_on_from_the_middle(tmp_path: Path) -> None:
    ours, other = Journal(tmp_path), Journal(tmp_path)
    for number in range(40):
        other.append(Entry(number, "commit", 1, added={f"file-{number:04}": (1, "digest")}))
    assert ours.last() == other.last()
    older = ours.path.read_bytes()
    for number in range(40, 80):
        other.append(
            Entry(number, "commit", 1, added={f"file-{number:04}": (1, "digest")}, removed=(f"file-{number - 40:04}",))
        )
    other.checkpoint()
    summed_up = other.path.read_bytes()
    assert len(summed_up) > len(older)
    replace_durably(other.path, older)
    assert ours.last().version == 39  # type: ignore[union-attr]
    ours.path.write_bytes(summed_up)
    assert ours.files() == other.files() == {f"file-{number:04}": (1, "digest") for number in range(40, 80)}


def test_a_newer_format_is_refused_each_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(Entry(1, "commit", 1))
    log.append(journal.path, [b'{"format": 99}'])
    for _ in range(2):
        with pytest.raises(FormatError):
            journal.last()


def test_a_failed_append_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    log.append(path, [b"one"])
    before = path.read_bytes()

    def fail(step: str) -> None:
        if step == "journal.half-written":
            raise OSError(28, "no space")

    monkeypatch.setattr(log, "reached", fail)
    with pytest.raises(OSError, match="no space"):
        log.append(path, [b"two"])
    assert path.read_bytes() == before


def entry(version: int, *paths: str, **fields: object) -> Entry:
    return Entry(version, "commit", version * 10, paths=tuple(paths), **fields)  # type: ignore[arg-type]


def test_entries_come_back_numbered_and_files_add_up(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.last() is None and not journal.exists() and journal.files() == {}
    journal.append(entry(1, added={"a": (3, "x"), "b": (4, "y")}))
    journal.append(entry(2, "one.py", "tw\udcffo.py", added={"c": (5, "z")}, removed=("a",)))
    again = Journal(tmp_path)
    assert again.entries() == journal.entries()
    assert [one.sequence for one in again.entries()] == [1, 2]
    assert again.files() == {"b": (4, "y"), "c": (5, "z")}
    last = again.last()
    assert last is not None and (last.version, last.rows, last.paths) == (2, 20, ("one.py", "tw\udcffo.py"))


def test_what_another_process_appends_is_seen(tmp_path: Path) -> None:
    writer, reader = Journal(tmp_path), Journal(tmp_path)
    for version in range(1, 6):
        writer.append(entry(version))
        last = reader.last()
        assert last is not None and last.version == version
    writer.checkpoint()
    writer.append(entry(6))
    last = reader.last()
    assert last is not None and last.version == 6


def test_paths_between_two_entries_are_known_as_long_as_all_between_say(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for version, paths in ((1, "ab"), (2, "c"), (3, ""), (4, "cd")):
        journal.append(entry(version, *paths))
    assert journal.paths_between(1, 4) == {"c", "d"}
    assert journal.paths_between(2, 3) == frozenset()
    assert journal.paths_between(4, 4) == frozenset()
    assert journal.paths_between(4, 2) is None
    assert journal.paths_between(0, 4) is None, "the first entry begins a table"
    assert journal.paths_between(1, 9) is None
    journal.append(Entry(5, "commit", 1, paths=None))
    assert journal.paths_between(4, 5) is None


def test_very_many_paths_are_not_listed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(entry(1))
    journal.append(entry(2, *map(str, range(journals.MAX_PATHS + 1))))
    assert journal.paths_between(1, 2) is None


def test_a_long_journal_is_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "MAX_ENTRIES", 20)
    monkeypatch.setattr(journals, "KEPT_ENTRIES", 5)
    journal = Journal(tmp_path)
    for version in range(1, 60):
        journal.append(entry(version, f"{version}.py", added={f"{version}": (1, "x")}, removed=(f"{version - 3}",)))
        assert journal.files() == {str(one): (1, "x") for one in range(max(1, version - 2), version + 1)}
    assert len(journal.entries()) < 20
    assert journal.paths_between(57, 59) == {"58.py", "59.py"}
    assert Journal(tmp_path).files() == journal.files()
    last = journal.last()
    assert last is not None and last.sequence == 59


def test_a_journal_of_long_entries_is_summed_up_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "MAX_BYTES", 40_000)
    monkeypatch.setattr(journals, "KEPT_BYTES", 10_000)
    journal = Journal(tmp_path)
    for version in range(1, 200):
        paths = [f"{version}/{number}.py" for number in range(100)]
        journal.append(entry(version, *paths, added={f"{version}": (1, "x")}, removed=(f"{version - 1}",)))
        assert journal.path.stat().st_size < 42_000
        assert journal.files() == {str(version): (1, "x")}
    assert len(journal.paths_between(195, 199) or ()) == 400
    last = Journal(tmp_path).last()
    assert last is not None and last.sequence == 199


def test_damage_at_the_end_goes_back_an_entry_and_is_dropped_by_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for version in (1, 2, 3):
        journal.append(entry(version))
    content = bytearray(journal.path.read_bytes())
    content[-3] ^= 1
    journal.path.write_bytes(content)
    journal = Journal(tmp_path)
    last = journal.last()
    assert last is not None and last.version == 2
    assert journal.damage() == ((2,), False) and journal.is_whole()
    journal.append(entry(4))
    assert Journal(tmp_path).damage() == ((), False)
    assert [one.version for one in Journal(tmp_path).entries()] == [1, 2, 4]


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for version in (1, 2, 3):
        journal.append(entry(version))
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(lines[0] + b"x" + lines[1][1:] + lines[2])
    assert not Journal(tmp_path).is_whole()
    assert Journal(tmp_path).damage() == ((1,), False)


def test_an_unfinished_entry_is_cut_off_by_the_next_writer(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(entry(1))
    whole = journal.path.read_bytes()
    for length in range(1, len(whole) - 1):
        journal.path.write_bytes(whole + whole[:length])
        fresh = Journal(tmp_path)
        last = fresh.last()
        assert last is not None and last.version == 1
        fresh.append(entry(2))
        assert [one.version for one in Journal(tmp_path).entries()] == [1, 2]


def test_entries_of_a_newer_format_are_refused_and_nonsense_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / journals.JOURNAL
    path.write_bytes(log.frame(b'{"format":2,"sequence":1,"version":1,"kind":"x","rows":1}'))
    with pytest.raises(FormatError, match="upgrade"):
        Journal(tmp_path).last()
    path.write_bytes(log.frame(b'{"format":1}'))
    with pytest.raises(StoreCorruptError, match="repair"):
        Journal(tmp_path).last()
