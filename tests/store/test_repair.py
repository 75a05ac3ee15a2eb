"""Whatever is damaged is found, and mended by the least that makes the index sound; nothing is deleted."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from treeseek.errors import FormatError
from treeseek.model import Problem, UnitColumns, Verification
from treeseek.store import Aliases, UnitStore
from treeseek.store.durable import VERSION_HINT
from treeseek.store.maintenance import references
from treeseek.store.recovery import manifest_version
from treeseek.store.repair import repair
from treeseek.store.verification import verify

Units = Callable[..., UnitColumns]

ALL_CLASSES = [
    "CURRENT", "aliases.log", "data", "_deletions", "_indices", "_transactions", "_versions", "journal", "hint",
]  # fmt: skip


@pytest.fixture
def index(tmp_path: Path, identity, units: Units) -> Path:
    """An index with everything in it that an index can have: five versions, deletions, a search index, aliases."""
    directory = tmp_path / "index"
    store = UnitStore.create(directory, tmp_path, identity)
    store.commit(units({"a.py": ["one", "two"], "b.py": ["three"], "c.py": ["four"]}), [])
    store.build_indexes()
    store.commit(units({"a.py": ["five"]}), ["a.py"])
    store.commit(units({"d.py": ["six"]}), ["b.py"])
    Aliases(directory).record([("00", "01"), ("02", "03")])
    return directory


def files_of(index: Path, kind: str) -> list[Path]:
    table = index / "gen-0001" / "units.lance"
    if kind in ("CURRENT", "aliases.log"):
        return [index / kind]
    if kind == "journal":
        return [index / "gen-0001" / "journal"]
    if kind == "hint":
        return [table / VERSION_HINT]
    return sorted(path for path in (table / kind).rglob("*") if path.is_file() and path.suffix != ".json")


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def checked(index: Path) -> Verification:
    found = verify(index, percent=100)
    assert found is not None
    return found


def names_in(index: Path) -> set[str]:
    store = UnitStore.open(index)
    return set() if store is None else set(store.snapshot().columns().name)


def test_a_sound_index_is_clean_and_repair_leaves_it_alone(index: Path) -> None:
    found = checked(index)
    assert found.problems == () and found.is_clean
    assert found.files == found.files_read > 10
    assert found.bytes_read > 10_000
    assert repair(index) == ("clean", ()) or repair(index).outcome == "clean"
    assert names_in(index) == {"four", "five", "six"}


def test_reading_a_part_reads_a_part_and_reading_none_none(index: Path) -> None:
    quick = verify(index)
    assert quick is not None and quick.is_clean and quick.files_read == 0
    part = verify(index, percent=10)
    assert part is not None and 0 < part.files_read < part.files
    assert part.bytes_read < checked(index).bytes_read


def test_no_index_is_none(tmp_path: Path) -> None:
    assert verify(tmp_path) is None
    assert repair(tmp_path).outcome == "lost"


@pytest.mark.parametrize("kind", ALL_CLASSES)
def test_a_flipped_bit_in_any_kind_of_file_is_found_and_mended(index: Path, tmp_path: Path, kind: str) -> None:
    rng = random.Random(kind)
    for _ in range(6):
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(index, copy)
        path = rng.choice(files_of(copy, kind))
        flip(path, rng.randrange(path.stat().st_size * 8))
        found = checked(copy)
        assert found.problems, f"a flipped bit in {path.name} went unseen"
        assert found.is_clean == (kind == "hint")
        done = repair(copy)
        assert done.actions
        if done.outcome == "lost":
            assert UnitStore.open(copy) is None
            assert any((copy / "quarantine").rglob("units.lance"))
        else:
            assert checked(copy).problems == ()
            assert names_in(copy) == ({"four", "five", "six"} if done.outcome == "mended" else names_in(copy))


@pytest.mark.parametrize("kind", ["data", "_deletions", "_indices", "_transactions", "_versions"])
def test_a_missing_or_shorter_file_is_found_without_reading_any(index: Path, kind: str) -> None:
    path = files_of(index, kind)[-1]
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    found = verify(index)
    assert found is not None
    assert {one.kind for one in found.problems} >= {"size"}
    path.unlink()
    found = verify(index)
    assert found is not None
    assert {one.kind for one in found.problems} >= {"missing"}


def newest_manifest(index: Path) -> Path:
    return max(files_of(index, "_versions"), key=lambda path: manifest_version(path.name) or 0)


def test_a_damaged_version_is_given_up_for_the_one_before(index: Path) -> None:
    flip(newest_manifest(index), 100)
    done = repair(index)
    assert done.outcome == "went-back"
    assert names_in(index) == {"three", "four", "five"}
    assert checked(index).problems == ()
    store = UnitStore.open(index)
    assert store is not None and not store.snapshot().is_fallback


def test_a_version_whose_manifest_is_damaged_anywhere_is_not_opened(index: Path) -> None:
    manifest = newest_manifest(index)
    content = manifest.read_bytes()
    for byte in range(0, len(content), 11):
        manifest.write_bytes(content)
        flip(manifest, 8 * byte + byte % 8)
        store = UnitStore.open(index)
        assert store is not None and store.snapshot().is_fallback
    assert not checked(index).is_clean


def test_a_version_whose_list_of_deleted_rows_is_damaged_anywhere_is_not_opened(index: Path) -> None:
    """Some such bits make Lance allocate terabytes, which ends the process."""
    store = UnitStore.open(index)
    assert store is not None
    (name,) = [name for name in references(store.snapshot().dataset) if name.startswith("_deletions")]
    path = store.table / name
    content = path.read_bytes()
    for byte in range(0, len(content), 11):
        path.write_bytes(content)
        flip(path, 8 * byte + byte % 8)
        store = UnitStore.open(index)
        assert store is not None and store.snapshot().is_fallback
        assert {one.kind for one in checked(index).problems} == {"hash", "version"}


def test_rows_of_damaged_data_are_not_read_to_verify(index: Path) -> None:
    path = max(files_of(index, "data"), key=lambda path: path.stat().st_size)
    content = path.read_bytes()
    for byte in range(0, len(content), 101):
        path.write_bytes(content)
        flip(path, 8 * byte + byte % 8)
        assert [(one.kind, one.path) for one in checked(index).problems] == [("hash", f"data/{path.name}")]


def test_a_damaged_search_index_is_made_anew_and_no_version_lost(index: Path) -> None:
    store = UnitStore.open(index)
    assert store is not None
    before = store.snapshot()
    flip(files_of(index, "_indices")[0], 50)
    assert repair(index).outcome == "mended"
    assert names_in(index) == {"four", "five", "six"}
    assert checked(index).problems == ()
    store = UnitStore.open(index)
    assert store is not None and store.has_indexes()
    assert store.snapshot().full_text("four", 3)[0][0] in before.columns().id


def test_damage_that_only_an_old_version_has_costs_no_row(index: Path, units: Units) -> None:
    store = UnitStore.open(index)
    assert store is not None
    store.commit(units({"a.py": ["seven"]}), ["a.py"])
    needed = references(store.snapshot().dataset)
    old = next(path for path in files_of(index, "_deletions") if f"_deletions/{path.name}" not in needed)
    flip(old, 9)
    assert repair(index).outcome == "mended"
    assert names_in(index) == {"four", "six", "seven"}
    assert checked(index).problems == ()


def test_when_every_version_is_damaged_all_is_set_aside(index: Path) -> None:
    largest = max(files_of(index, "data"), key=lambda path: path.stat().st_size)
    flip(largest, 1000)
    done = repair(index)
    assert done.outcome == "lost"
    assert UnitStore.open(index) is None
    assert checked_is_none(index)
    kept = [path.name for path in (index / "quarantine").rglob("*") if path.is_file()]
    assert largest.name in kept and "journal" in kept


def checked_is_none(index: Path) -> bool:
    return verify(index, percent=100) is None


def test_a_lost_journal_is_told(index: Path) -> None:
    (index / "gen-0001" / "journal").unlink()
    assert not checked(index).is_clean
    assert repair(index).outcome == "lost"


def test_a_lost_current_is_pointed_at_what_can_be_read(index: Path) -> None:
    (index / "CURRENT").write_bytes(b"nonsense")
    assert [one.kind for one in checked(index).problems] == ["current"]
    assert repair(index).outcome == "mended"
    assert names_in(index) == {"four", "five", "six"}


def test_a_newer_index_is_neither_damaged_nor_repaired(index: Path) -> None:
    import lance

    table = lance.dataset(str(index / "gen-0001" / "units.lance"))
    table.update_schema_metadata({"treeseek.schema_version": "9.0"})
    store = UnitStore.open(index)
    assert store is not None
    store.acknowledge("commit", lance.dataset(str(store.table)), None)
    assert [one.kind for one in checked(index).problems] == ["format"]
    with pytest.raises(FormatError):
        repair(index)


def test_an_id_that_two_rows_have_is_found(index: Path, units: Units) -> None:
    import lance

    store = UnitStore.open(index)
    assert store is not None
    rows = lance.dataset(str(store.table)).to_table(filter="kind = 'file'").slice(0, 1)
    made = lance.write_dataset(rows, str(store.table), mode="append")
    store.acknowledge("commit", made, None)
    assert [one.kind for one in checked(index).problems] == ["duplicate"]


def test_what_a_crash_left_is_no_damage(index: Path) -> None:
    (index / "gen-0001" / "units.lance" / "data" / "left.lance").write_bytes(b"half")
    with (index / "gen-0001" / "journal").open("ab") as file:
        file.write(b"12345678 {")
    found = checked(index)
    assert found.is_clean
    assert found.problems == (
        Problem("leftover", "journal", "an unfinished entry, left by a crash", is_harmless=True),
        Problem("leftover", "data/left.lance", "a file that was never committed", is_harmless=True),
    )
    assert repair(index).outcome == "mended"
    assert checked(index).problems == ()
    assert names_in(index) == {"four", "five", "six"}
