"""Trees through the cache: the same as parsed afresh, whoever parses, and never of other bytes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from treeseek.indexing import trees as module
from treeseek.indexing import workers
from treeseek.indexing.trees import SyntaxCodec, Text, Trees, has_grammar, open_trees, text_of
from treeseek.settings import Settings, load
from treeseek.syntax.parsed import ParsedFile, parse_file

SECONDS = 10.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"TREESEEK_CONFIG": str(tmp_path / "none.toml")}, cache_dir=tmp_path / "cache", workers=2)


@pytest.fixture
def trees(settings: Settings) -> Iterator[Trees]:
    with open_trees(settings) as opened:
        yield opened


def texts(count: int = 3) -> list[Text]:
    return [text_of(f"f{i}.py", f"def f{i}(x):\n    return x + {i}\n".encode()) for i in range(count)]


def same(one: ParsedFile | None, text: Text) -> bool:
    """Whether a tree is what parsing the text afresh gives, with that text."""
    fresh = parse_file(text.data, text.language, deadline_seconds=SECONDS)
    assert fresh is not None
    return (
        one is not None
        and one.tree == fresh.tree
        and one.declarations == fresh.declarations
        and one.tree.source == text.data
    )


def test_a_tree_is_the_same_parsed_and_out_of_the_cache(settings: Settings) -> None:
    for parses in (3, 0):
        with open_trees(settings) as opened:
            found = list(opened.parsed(texts(), total_bytes=0))
            assert opened.cache.statistics().parses == parses
        assert [text.path for text, _ in found] == ["f0.py", "f1.py", "f2.py"]
        assert all(same(file, text) for text, file in found)


def test_the_cache_holds_trees_without_their_texts(trees: Trees) -> None:
    (text,) = texts(1)
    list(trees.parsed([text], total_bytes=0))
    kept = trees.cache.load(text.path, text.digest, text.language)
    assert kept is not None
    assert kept.tree.source is None


def test_equal_texts_under_two_paths_and_in_two_languages(trees: Trees) -> None:
    data = b"function f() { return 1; }\n"
    asked = [text_of(path, data) for path in ("a.js", "b.js", "c.ts")]
    found = dict(trees.parsed(asked, total_bytes=0))
    assert all(same(found[text], text) for text in asked)
    assert trees.cache.statistics().parses == 2


def test_what_has_no_grammar_has_no_tree_and_keeps_its_place(trees: Trees) -> None:
    asked = [text_of("a.md", b"# A\n"), *texts(1), text_of("data.json", b"{}")]
    assert [(text.path, file is None) for text, file in trees.parsed(asked, total_bytes=0)] == [
        ("a.md", True), ("f0.py", False), ("data.json", True),
    ]  # fmt: skip
    assert has_grammar("python")
    assert not has_grammar("markdown")
    assert not has_grammar("klingon")


def test_batches_are_bounded_and_nothing_is_lost(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TEXTS_AT_ONCE", 2)
    monkeypatch.setattr(module, "_BYTES_AT_ONCE", 60)
    asked = texts(7)
    assert [text for text, file in trees.parsed(iter(asked), total_bytes=0) if same(file, text)] == asked


def test_processes_give_the_trees_that_this_process_gives(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEW_BYTES", 1)
    asked = [*texts(20), text_of("a.rs", b"fn a() {}\n"), text_of("empty.py", b"")]
    found = list(trees.parsed(asked, total_bytes=1 << 30))
    assert trees._codec.parsers is not None
    assert all(same(file, text) for text, file in found)
    assert [text for text, _ in found] == asked


def test_a_text_that_kills_its_parser_costs_itself_alone(
    trees: Trees, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "hostile.py").write_text(
        "import os\n"
        "from treeseek.indexing import worker\n"
        "real = worker.parse_file\n"
        "def hostile(data, language, **options):\n"
        "    if b'DIE' in data: os.abort()\n"
        "    if b'RAISE' in data: raise RecursionError\n"
        "    return real(data, language, **options)\n"
        "worker.parse_file = hostile\n"
        "worker.main()\n"
    )
    boot = "import sys; sys.path[:] = {path!r}; sys.path.insert(0, " + repr(str(tmp_path)) + "); import hostile"
    monkeypatch.setattr(workers, "_BOOT", boot)
    monkeypatch.setattr(module, "FEW_BYTES", 1)
    bad = [text_of("bad.py", b"x = 'DIE'\n"), text_of("worse.py", b"x = 'RAISE'\n")]
    asked = [*texts(3), *bad, *texts(6)[3:]]
    found = dict(trees.parsed(asked, total_bytes=1 << 30))
    assert [text.path for text, file in found.items() if file is None] == ["bad.py", "worse.py"]


def test_a_tree_that_a_worker_made_up_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lying:
        def parse(self, data: bytes, language: str, digest: str) -> bytes:
            return b"\0" * 100

    codec = SyntaxCodec(SECONDS)
    monkeypatch.setattr(codec, "parsers", Lying())
    assert codec.parse(b"x = 1\n", "python") is None


def test_the_address_differs_between_grammars() -> None:
    codec = SyntaxCodec(SECONDS)
    prints = {codec.fingerprint(language) for language in ("python", "typescript", "tsx", "javascript")}
    assert len(prints) == 4


def test_trees_are_charged_with_about_what_they_take() -> None:
    codec = SyntaxCodec(SECONDS)
    data = b"".join(b"def function_%d(x):\n    return x + %d\n\n\n" % (i, i) for i in range(400))
    live = codec.parse(data, "python")
    assert live is not None
    stored = codec.encode(codec.columns(live), "0" * 32)
    codec.decode(stored, "0" * 32)
    tracemalloc.start()
    try:
        kept = codec.decode(stored, "0" * 32)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.8 * taken < codec.nbytes(kept) < 1.25 * taken
