"""What a sync looks at again, told by stat alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from treeseek.indexing.plan import BATCH_BYTES, BATCH_FILES, KnownFile, batched, is_racy, plan
from treeseek.model import SourceFile

FILE = SourceFile("a.py", 10, 1_000, 7)
KNOWN = KnownFile("file", "python", "", "hash", 10, 1_000, 7)


def test_equal_stat_is_unchanged_and_any_difference_is_not() -> None:
    assert plan([FILE], {"a.py": KNOWN}).read == ()
    for field, value in (("size", 11), ("mtime_ns", 1_001), ("inode", 8)):
        assert plan([replace(FILE, **{field: value})], {"a.py": KNOWN}).read != ()


def test_new_and_deleted_files() -> None:
    done = plan([FILE], {"b.py": KNOWN})
    assert (done.read, done.deleted, done.unchanged) == ((FILE,), ("b.py",), 0)


def test_a_file_written_just_now_can_not_be_trusted_by_its_stat() -> None:
    assert is_racy(FILE, 1_000)
    assert not is_racy(FILE, 1_000_000_000)


@given(st.lists(st.integers(0, 2 * BATCH_BYTES), max_size=200))
def test_batches_keep_order_and_bounds(sizes: list[int]) -> None:
    files = [SourceFile(str(i), size, 0, 0) for i, size in enumerate(sizes)]
    batches = batched(files)
    assert [file for batch in batches for file in batch] == files
    for batch in batches:
        assert 1 <= len(batch) <= BATCH_FILES
        assert len(batch) == 1 or sum(file.size for file in batch) <= BATCH_BYTES
