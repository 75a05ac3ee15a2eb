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


def test_a_damaged_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "aliases").mkdir()
    (tmp_path / "aliases" / "data.mdb").write_bytes(b"nothing like it" * 1000)
    with pytest.raises(StoreError, match="delete it"):
        Aliases(tmp_path).resolve(name(1))
