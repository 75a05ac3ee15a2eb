"""The frozen tier against damage, a full map, no directory to write to, and its budget."""

from __future__ import annotations

import logging
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tree_codec import Cache, content_hash, fresh, program

from treeseek import telemetry
from treeseek.cache import Budgets, close_idle
from treeseek.cache.frozen import FrozenTier
from treeseek.cache.statistics import Counts

ROOMY = 32 << 20


def key_of(number: int) -> bytes:
    return number.to_bytes(20, "big")


def items(numbers: range, size: int = 5_000) -> list[tuple[bytes, bytes]]:
    return [(key_of(number), number.to_bytes(4, "big") * (size // 4)) for number in numbers]


def fill(cache: Cache, numbers: range) -> None:
    for number in numbers:
        data = program(number)
        cache.get_or_parse(f"{number}.py", data, "python", content_hash(data))
    cache.flush()


def test_it_gives_back_what_it_was_given(directory: Path) -> None:
    tier = FrozenTier(directory, ROOMY)
    assert tier.get(key_of(1)) is None
    assert tier.write(items(range(10))) == 10
    assert tier.get_many([key_of(number) for number in range(12)]) == dict(items(range(10)))
    assert tier.absent([key_of(9), key_of(10)]) == [key_of(10)]
    tier.delete(key_of(3))
    assert tier.get(key_of(3)) is None
    assert tier.statistics().entries == 9
    tier.close()
    assert tier.write(items(range(10))) == 0


def test_two_tiers_of_a_process_share_a_directory(directory: Path) -> None:
    first, second = FrozenTier(directory, ROOMY), FrozenTier(directory / ".." / directory.name, ROOMY)
    first.write(items(range(3)))
    assert second.get(key_of(2)) is not None
    first.close()
    assert second.write(items(range(3, 5))) == 2
    assert second.failures == 0


def test_over_its_budget_what_was_used_longest_ago_goes(directory: Path) -> None:
    now = [1000.0]
    tier = FrozenTier(directory, 4 << 20, clock=lambda: now[0])
    for number in range(0, 400, 10):
        now[0] += 1
        tier.write(items(range(number, number + 10)))
    now[0] += 2 * 3600
    tier.get_many([key_of(number) for number in range(5)])
    tier.flush()
    for number in range(400, 1200, 10):
        now[0] += 1
        tier.write(items(range(number, number + 10)))
        assert tier.statistics().nbytes <= 4 << 20
    found = sorted(int.from_bytes(key, "big") for key in tier.get_many([key_of(number) for number in range(1200)]))
    assert found[-1] == 1199
    assert found == list(range(found[0], 1200))  # the oldest went, the youngest stayed, without a gap
    assert len(found) > 300
    assert tier.statistics().evictions == 1200 - len(found)


@pytest.mark.parametrize("length", [16, 32])
def test_addresses_of_any_length_are_kept_and_evicted(directory: Path, length: int) -> None:
    tier = FrozenTier(directory, 1 << 20, counts=Counts("", noun="artifacts"), content="test data")
    telemetry.reset()
    for number in range(400):
        tier.write([(number.to_bytes(length, "big"), bytes(5_000))])
    statistics = tier.statistics()
    assert statistics.nbytes <= 1 << 20
    assert statistics.evictions == 400 - statistics.entries > 0
    assert tier.get((399).to_bytes(length, "big")) == bytes(5_000)
    counters, _ = telemetry.snapshot()
    assert counters["treeseek_artifacts_evictions_total", ()] == statistics.evictions


def test_a_use_that_was_noted_saves_from_eviction(directory: Path) -> None:
    now = [1000.0]
    tier = FrozenTier(directory, 4 << 20, clock=lambda: now[0])
    tier.write(items(range(300)))
    now[0] += 2 * 3600
    tier.get_many([key_of(number) for number in range(5)])
    tier.flush()
    tier.write(items(range(300, 600)))
    assert len(tier.get_many([key_of(number) for number in range(5)])) == 5
    assert tier.get_many([key_of(number) for number in range(5, 20)]) == {}


def test_a_full_map_is_made_room_in(directory: Path) -> None:
    tier = FrozenTier(directory, ROOMY)
    tier._environment.map_bytes = 1 << 20  # type: ignore[union-attr]
    for number in range(0, 1000, 50):
        assert tier.write(items(range(number, number + 50))) == 50
    assert tier.get(key_of(999)) is not None
    assert tier.failures == 0


def test_the_file_stays_within_a_quarter_of_the_budget(directory: Path) -> None:
    chosen = random.Random(1)
    tier = FrozenTier(directory, 8 << 20)
    for number in range(3000):
        tier.write(items(range(number * 10, number * 10 + 10), size=chosen.choice((400, 3_000, 9_000, 60_000))))
        if number % 100 == 99 and number > 400:
            break
    assert (directory / "data.mdb").stat().st_size <= (10 << 20) + (16 << 20)
    assert tier.failures == 0


def test_a_damaged_entry_is_deleted_and_a_miss(directory: Path, new_cache: Any) -> None:
    with new_cache() as cache:
        fill(cache, range(3))
    tier = FrozenTier(directory, ROOMY)
    environment = tier._environment
    assert environment is not None

    def damage(transaction: Any) -> None:
        for key, value in list(transaction.cursor()):
            if key[:1] == b"t":
                transaction.put(key, value[:-3] + b"\xff" + value[-2:])

    environment.write(damage)
    cache = new_cache()
    data = program(1)
    assert cache.load("1.py", content_hash(data), "python") is None
    frozen = cache.statistics().tiers["frozen"]
    assert (frozen.entries, frozen.hits, frozen.misses, frozen.damaged) == (2, 0, 1, 1)
    assert cache.get_or_parse("1.py", data, "python", content_hash(data)) == fresh(data)
    assert list(cache.load_many([("", content_hash(program(2)), "python")])) == [None]


def test_a_tree_kept_under_the_address_of_another_is_refused(directory: Path, new_cache: Any) -> None:
    cache = new_cache()
    fill(cache, range(1))
    cache.close()
    tier = FrozenTier(directory, ROOMY)
    stored = tier._environment.read(lambda transaction: [v for k, v in transaction.cursor() if k[:1] == b"t"])  # type: ignore[union-attr]
    cache = new_cache()
    other = program(7)
    tier.write([(cache._address(content_hash(other), "python"), stored[0])])
    assert cache.load("7.py", content_hash(other), "python") is None


@pytest.mark.parametrize("kind", ["junk", "empty", "short", "zeros", "pages"])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_damaged_file_costs_speed_only(directory: Path, kind: str, is_open: bool) -> None:
    """In a process of its own: this is where LMDB could take the process along."""
    tier = FrozenTier(directory, ROOMY)
    tier.write(items(range(400)))
    data = directory / "data.mdb"
    if not is_open:
        del tier
    raw = bytearray(data.read_bytes())
    if kind == "junk":
        raw = bytearray(random.Random(2).randbytes(len(raw)))
    elif kind == "empty":
        raw = bytearray()
    elif kind == "short":
        raw = raw[: len(raw) // 2]
    elif kind == "zeros":
        raw = bytearray(len(raw))
    else:
        for page in range(2, len(raw) // 4096, 3):
            raw[page * 4096 : page * 4096 + 64] = random.Random(page).randbytes(64)
    replacement = directory / "replacement"
    replacement.write_bytes(raw)
    replacement.replace(data)
    code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_frozen import FrozenTier, ROOMY, items, key_of
tier = FrozenTier(Path({str(directory)!r}), ROOMY)
good = dict(items(range(400)))
found = tier.get_many(list(good))
assert tier.write(items(range(1000, 1300))) == 300, "not written"
assert tier.get(key_of(1299)) == items(range(1299, 1300))[0][1], "not found"
assert tier.failures == 0
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if is_open:
        assert tier.write(items(range(2000, 2010))) == 10
        assert tier.get(key_of(1299)) is not None
        assert tier.failures == 0


def test_a_directory_deleted_under_it_is_made_again(directory: Path, new_cache: Any) -> None:
    cache = new_cache()
    fill(cache, range(5))
    shutil.rmtree(directory)
    fill(cache, range(5, 10))
    later = new_cache()
    wanted = [("", content_hash(program(number)), "python") for number in range(10)]
    assert [tree is not None for tree in later.load_many(wanted)] == [True] * 10
    assert later.statistics().failures == 0


def test_a_directory_that_cannot_be_is_reported_once(
    tmp_path: Path, new_cache: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    cache = new_cache(where=tmp_path / "file" / "trees")
    with caplog.at_level(logging.WARNING):
        fill(cache, range(3))
        assert cache.load("9.py", content_hash(program(9)), "python") is None
        fill(cache, range(3, 6))
    assert [record.name for record in caplog.records] == ["treeseek.cache"]
    assert 1 <= cache.statistics().failures <= 2
    assert cache.load("1.py", content_hash(program(1)), "python") == fresh(program(1))


def test_a_map_is_given_back_and_opened_again(directory: Path) -> None:
    def is_mapped() -> bool:
        return str(directory.resolve() / "data.mdb") in Path("/proc/self/maps").read_text()

    tier = FrozenTier(directory, 1 << 20)
    tier.write([(b"k" * 16, b"value")])
    assert is_mapped()
    close_idle()
    assert not is_mapped()
    assert tier.get(b"k" * 16) == b"value"


def test_a_budget_of_nothing_means_no_tier(directory: Path, new_cache: Any) -> None:
    cache = new_cache(Budgets(hot=0, warm=0, cold=0, frozen=0))
    fill(cache, range(3))
    assert cache.statistics().parses == 3
    assert not directory.exists()
