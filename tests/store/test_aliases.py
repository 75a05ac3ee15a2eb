"""Aliases of ids: old links resolve, whatever happened in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek.errors import StoreError
from treeseek.store.aliases import Aliases


def name(number: int) -> str:
    return f"{number:024x}"


def test_an_id_without_history_is_itself(tmp_path: Path) -> None:
    aliases = Aliases(tmp_path)
    assert aliases.resolve(name(1)) == name(1)
    assert aliases.resolve("not an id") == "not an id"
    assert aliases.resolve("") == ""
    assert not any(tmp_path.iterdir())


def test_old_ids_lead_to_the_latest_one_in_another_process_too(tmp_path: Path) -> None:
    Aliases(tmp_path).record([(name(1), name(2))])
    Aliases(tmp_path).record([(name(2), name(3)), (name(7), name(8))])
    assert Aliases(tmp_path).resolve(name(1)) == name(3)
    assert Aliases(tmp_path).resolve(name(7)) == name(8)


def test_renamed_back_is_itself_again(tmp_path: Path) -> None:
    aliases = Aliases(tmp_path)
    aliases.record([(name(1), name(2))])
    aliases.record([(name(2), name(1))])
    assert aliases.resolve(name(1)) == aliases.resolve(name(2)) == name(1)


@given(st.lists(st.permutations(range(1, 5)), max_size=12))
@settings(max_examples=40, deadline=None)
def test_there_are_no_circles(tmp_path_factory: pytest.TempPathFactory, renames: list[list[int]]) -> None:
    aliases = Aliases(tmp_path_factory.mktemp("index"))
    for old, new, *_ in renames:
        aliases.record([(name(old), name(new))])
        assert aliases.resolve(name(old)) == aliases.resolve(name(new)) == name(new)


def test_a_damaged_entry_costs_its_own_links_alone_and_is_told(tmp_path: Path) -> None:
    aliases = Aliases(tmp_path)
    for number in (1, 3, 5):
        aliases.record([(name(number), name(number + 1))])
    lines = aliases.path.read_bytes().splitlines(keepends=True)
    aliases.path.write_bytes(lines[0] + lines[1].replace(b":", b";") + lines[2])
    assert [Aliases(tmp_path).resolve(name(number)) for number in (1, 3, 5)] == [name(2), name(3), name(6)]
    assert Aliases(tmp_path).damage() == (1, False)
    aliases.rewrite()
    assert Aliases(tmp_path).damage() == (0, False)
    assert Aliases(tmp_path).resolve(name(5)) == name(6)


def test_what_a_crash_left_unfinished_counts_for_nothing_and_goes_with_the_next_entry(tmp_path: Path) -> None:
    aliases = Aliases(tmp_path)
    aliases.record([(name(1), name(2))])
    whole = aliases.path.read_bytes()
    for length in range(len(whole)):
        aliases.path.write_bytes(whole + whole[:length])
        assert Aliases(tmp_path).resolve(name(1)) == name(2)
    Aliases(tmp_path).record([(name(7), name(8))])
    assert Aliases(tmp_path).damage() == (0, False)
    assert Aliases(tmp_path).resolve(name(7)) == name(8)


def test_a_place_that_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "aliases.log").mkdir()
    with pytest.raises(StoreError, match="can't read"):
        Aliases(tmp_path).resolve(name(1))


def test_old_entries_go_when_most_say_what_is_no_longer_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treeseek.store.aliases.MAX_BYTES", 1_000)
    aliases = Aliases(tmp_path)
    for _ in range(50):
        aliases.record([(name(1), name(2))])
        aliases.record([(name(2), name(1))])
    assert aliases.path.stat().st_size < 1_500
    assert aliases.resolve(name(2)) == name(1)


def test_what_leads_nowhere_goes_first_when_there_is_too_much(tmp_path: Path) -> None:
    aliases = Aliases(tmp_path)
    for number in range(0, 200, 2):
        aliases.record([(name(number), name(number + 1))])
    size = aliases.path.stat().st_size
    units = {name(1), name(3)}
    assert not aliases.prune(units, size)
    assert aliases.prune(units, size // 2)
    again = Aliases(tmp_path)
    assert [again.resolve(name(number)) for number in (0, 2)] == [name(1), name(3)], "what is there keeps its names"
    kept = [number for number in range(4, 200, 2) if again.resolve(name(number)) != name(number)]
    assert kept == list(range(200 - 2 * len(kept), 200, 2)), "and the youngest stay"
    assert 0 < len(kept) < 50
    assert aliases.path.stat().st_size <= size // 2
    assert not again.prune(set(), size)
    assert not Aliases(tmp_path / "none").prune(set(), 0)
