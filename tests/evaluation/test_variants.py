"""What can be compared, as it is spelled."""

from __future__ import annotations

from pathlib import Path

import pytest

from treeseek.errors import UsageError
from treeseek.evaluation.variants import read_variants
from treeseek.retrieval.search import Ranker
from treeseek.settings import load


def test_variants_are_read_and_the_shipped_one_comes_first() -> None:
    shipped, lexical, both, weighed, limited = read_variants(
        ["lexical", "dense,lines", "weights=w.json", "max_file_bytes=9"]
    )
    assert shipped.ranker == Ranker() and not shipped.needs_own_index
    assert lexical.ranker == Ranker("lexical") and not lexical.needs_own_index
    assert both.ranker == Ranker("dense") and both.chunks == "lines" and both.needs_own_index
    assert weighed.ranker == Ranker(weights=Path("w.json"))
    assert limited.settings == {"max_file_bytes": 9} and limited.needs_own_index
    assert len({variant.index for variant in (shipped, lexical, weighed)}) == 1
    assert len({variant.index for variant in (shipped, both, limited)}) == 3


def test_an_index_of_its_own_lies_elsewhere_and_lines_are_never_parsed(tmp_path: Path) -> None:
    base = load({}, data_dir=tmp_path / "data")
    shipped, lines, limited = read_variants(["lines", "max_file_bytes=9"])
    assert shipped.settled(base, tmp_path) is base
    own = lines.settled(base, tmp_path / "scratch")
    assert own.parse_seconds == 0 and own.cache_artifact_bytes == 0
    other = limited.settled(base, tmp_path / "scratch")
    assert other.max_file_bytes == 9 and other.parse_seconds == base.parse_seconds
    assert len({base.data_dir, own.data_dir, other.data_dir}) == 3


@pytest.mark.parametrize(
    ("spelled", "said"),
    [
        ("sparse", "nothing to compare"),
        ("", "nothing to compare"),
        ("weights=", "nothing to compare"),
        ("data_dir=/tmp", "nothing to compare"),
        ("no_such_setting=1", "no such setting"),
        ("max_files=many", "not a int"),
        ("dense,weights=w.json", "has no weights"),
        ("shipped", "nothing to compare"),
    ],
)
def test_what_can_not_be_compared(spelled: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_variants([spelled])


def test_nothing_is_compared_twice() -> None:
    with pytest.raises(UsageError, match="compared already"):
        read_variants(["lexical", "lexical"])
