"""The hostile corpus is the same everywhere, and a sample of it does no harm."""

from __future__ import annotations

from pathlib import Path

from hostile.corpus import GOOD, corpus, digest_of, plant
from hostile.run import judged

FILES, DIGEST = 1070, "15430edb7a26fb8655d43cf62c130c86a5fa3b9702de05b80e7dceadc64978d9"


def test_the_corpus_is_the_one_that_was_frozen() -> None:
    """If it is meant to change, so are these two."""
    assert digest_of() == (FILES, DIGEST)


def test_every_language_has_its_share() -> None:
    folders = {path.partition("/")[0] for path, _ in corpus()}
    assert len(folders - {GOOD, "known"}) == 20
    assert sum(path.startswith("known/") for path, _ in corpus()) == 10


def test_a_sample_of_it_does_no_harm(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    paths = plant(root, every=60)
    assert len(paths) > 35
    assert judged(root, tmp_path / "scratch", paths, 0.3) == []
