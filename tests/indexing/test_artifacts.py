"""Artifacts: what a file's bytes give comes back exactly, or not at all."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeseek.embedding import default_embedder
from treeseek.indexing import artifacts
from treeseek.indexing.analyse import Content, FileText, analyse_files
from treeseek.indexing.artifact_cache import ArtifactCache
from treeseek.indexing.artifacts import address_of, pack, unpack
from treeseek.indexing.identity import content_hash
from treeseek.indexing.place import place
from treeseek.indexing.wire import pack_columns
from treeseek.model import SourceFile
from treeseek.settings import Settings

TEXT = (
    "def add(a, b):\n    return a + b\n\n\nclass Größe:\n    def of(self):\n        return 1\n".encode()
    + b"x = 1\n" * 900
)
KEY = b"k" * 20
EMBEDDER = default_embedder()
DIMS = EMBEDDER.identity.dims


def file_of(data: bytes, path: str = "a/b.py", language: str = "python") -> FileText:
    return FileText(SourceFile(path, len(data), 1, 2), data, content_hash(data), language)


def content_of(data: bytes = TEXT, language: str = "python") -> Content:
    return analyse_files([file_of(data, language=language)], EMBEDDER, 10.0)[0]


def rows(content: Content | None, data: bytes, path: str) -> dict[str, object]:
    assert content is not None
    return pack_columns(place([file_of(data, path)], [content], EMBEDDER))


ARTIFACT = pack(content_of(), KEY)


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode), st.sampled_from(["python", "text", "markdown"]))
def test_what_is_unpacked_gives_the_same_rows_wherever_the_file_lies(data: bytes, language: str) -> None:
    content = content_of(data, language)
    again = unpack(pack(content, KEY), KEY, DIMS)
    for path in ("a/b.py", "elsewhere/c.txt"):
        assert rows(content, data, path) == rows(again, data, path)
    assert again is not None
    assert again.vectors.tobytes() == content.vectors.tobytes()
    assert again.digests == content.digests


@given(st.integers(0, len(ARTIFACT) * 8 - 1))
def test_a_flipped_bit_is_a_miss(bit: int) -> None:
    damaged = bytearray(ARTIFACT)
    damaged[bit // 8] ^= 1 << bit % 8
    assert unpack(bytes(damaged), KEY, DIMS) is None


@given(st.integers(0, len(ARTIFACT) - 1) | st.binary(max_size=60))
def test_what_is_cut_short_or_foreign_is_a_miss(broken: int | bytes) -> None:
    assert unpack(ARTIFACT[:broken] if isinstance(broken, int) else broken, KEY, DIMS) is None


def test_what_lies_under_another_address_or_has_other_vectors_is_a_miss() -> None:
    assert unpack(ARTIFACT, KEY, DIMS) is not None
    assert unpack(ARTIFACT, b"j" * 20, DIMS) is None
    assert unpack(ARTIFACT, KEY[:-1], DIMS) is None
    assert unpack(ARTIFACT, KEY, DIMS // 2) is None


def sealed(parts: object) -> bytes:
    body = msgpack.packb(parts)
    return b"".join((*artifacts._head(body, KEY), body))


def test_what_is_sound_but_does_not_fit_is_a_miss() -> None:
    parts = list(msgpack.unpackb(ARTIFACT[len(artifacts.MARK) + len(KEY) + 4 :], use_list=False))
    assert unpack(sealed(parts), KEY, DIMS) is not None
    for number, broken in ((1, ()), (1, "text"), (1, ((1,),)), (2, ()), (3, b""), (4, b"123"), (6, b""), (7, b"1234")):
        assert unpack(sealed([*parts[:number], broken, *parts[number + 1 :]]), KEY, DIMS) is None, number
    assert unpack(sealed(parts[:-1]), KEY, DIMS) is None
    assert unpack(sealed(7), KEY, DIMS) is None


def test_an_address_depends_on_bytes_language_embedder_and_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    base = address_of("0" * 32, "python", "model@1")
    others = {
        address_of("1" * 32, "python", "model@1"),
        address_of("0" * 32, "ruby", "model@1"),
        address_of("0" * 32, "python", "model@2"),
    }
    artifacts._fingerprint.cache_clear()
    monkeypatch.setattr(artifacts, "version", lambda package: "99")
    others.add(address_of("0" * 32, "python", "model@1"))
    monkeypatch.undo()
    artifacts._fingerprint.cache_clear()
    assert len(others | {base}) == 5
    assert address_of("0" * 32, "python", "model@1") == base


def test_only_what_the_bytes_decide_lasts() -> None:
    content = content_of()
    assert artifacts.is_lasting(content)
    assert artifacts.is_lasting(replace(content, fallback="parse-errors"))
    for reason in ("parse-timeout", "parser-crash", "parser-hang", "analysis-error", "something-new"):
        assert not artifacts.is_lasting(replace(content, fallback=reason))


def test_chunks_with_a_lent_vector_are_not_embedded_and_the_others_are() -> None:
    content = content_of()
    assert len(content.digests) > 1
    lent = {content.digests[0]: np.full(DIMS, 0.5, np.float32)}
    mixed = analyse_files([file_of(TEXT)], EMBEDDER, 10.0, lent=lent)[0]
    assert (mixed.vectors[0] == 0.5).all()
    assert mixed.vectors[1:].tobytes() == content.vectors[1:].tobytes()
    lent = dict(zip(content.digests, content.vectors, strict=True))
    whole = analyse_files([file_of(TEXT)], EMBEDDER, 10.0, lent=lent)[0]
    assert whole.vectors.tobytes() == content.vectors.tobytes()


# -- on disk -------------------------------------------------------------------------------------------------------


def opened(tmp_path: Path, budget: int = 64 << 20) -> ArtifactCache:
    settings = Settings(tmp_path / "data", tmp_path / "cache", cache_artifact_bytes=budget)
    return ArtifactCache(settings, EMBEDDER.identity)


def test_the_cache_keeps_what_it_was_given_for_whoever_opens_it_next(tmp_path: Path) -> None:
    with opened(tmp_path) as cache:
        assert cache.is_empty
        assert cache.get_many([KEY]) == {}
        cache.put({KEY: ARTIFACT})
    with opened(tmp_path) as cache:
        assert not cache.is_empty
        found = cache.get_many([KEY, b"j" * 20, b""])
        assert list(found) == [KEY]
        assert rows(found[KEY], TEXT, "a.py") == rows(content_of(), TEXT, "a.py")


def test_a_damaged_artifact_is_forgotten_and_replaced(tmp_path: Path) -> None:
    with opened(tmp_path) as cache:
        cache.put({KEY: ARTIFACT[:-1] + b"\xff"})
    with opened(tmp_path) as cache:
        assert cache.get_many([KEY]) == {}
        cache.put({KEY: ARTIFACT})
    with opened(tmp_path) as cache:
        assert KEY in cache.get_many([KEY])


def test_a_cache_without_a_budget_keeps_nothing_and_writes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path, budget=0) as cache:
        assert not cache.is_on
        assert cache.key("0" * 32, "python") == b""
        cache.put({KEY: ARTIFACT})
        assert cache.get_many([KEY]) == {}
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_can_not_be_written_costs_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("in the way")
    with caplog.at_level(logging.WARNING), opened(tmp_path) as cache:
        cache.put({KEY: ARTIFACT})
        assert cache.get_many([KEY]) == {}
    assert "analysed files aren't kept on disk" in caplog.text


def test_more_than_may_wait_for_the_disk_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treeseek.indexing.artifact_cache.WAITING_BYTES", len(ARTIFACT) + 10)
    with opened(tmp_path) as cache:
        cache.put({KEY: ARTIFACT, b"j" * 20: ARTIFACT})
        cache.put({KEY: ARTIFACT})
    with opened(tmp_path) as cache:
        assert list(cache.get_many([KEY, b"j" * 20])) == [KEY]
