"""What is stored of a tree comes back as it was, and what is damaged, or of something else, never does."""

import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from fuzz.changes import diff_is_right, hashes_mean_equality, nothing_changed
from fuzz.properties import CONTENT, answers_everything, holds_together, stored_and_back
from fuzz.sources import PARSED, mutated, sources
from fuzz.targets import TARGETS, opened, paired, sealed
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek.errors import TreeCorruptError, TreeMismatchError
from treeseek.syntax import codec
from treeseek.syntax.canonical import lower
from treeseek.syntax.codec import decode, encode
from treeseek.syntax.columns import parse_tree
from treeseek.syntax.grammars import vocabulary
from treeseek.syntax.hashes import subtree_hashes
from treeseek.syntax.tree import SyntaxTree, subtree_sizes

ROOT = Path(__file__).resolve().parents[2]
OTHER = "ff" * 16
FRAME = 12


def tree_of(text: bytes, language: str = "python") -> SyntaxTree:
    tree = parse_tree(text, language, deadline_seconds=20)
    assert tree is not None
    return tree


def made_up(depth: list[int] | np.ndarray, lengths: dict[int, int] | None = None, gaps: dict[int, int] | None = None,
            **columns: np.ndarray) -> SyntaxTree:  # fmt: skip
    """Return a tree of these depths whose leaves have these lengths (1) and distances from the leaf before (0)."""
    size = subtree_sizes(np.asarray(depth))
    rows = len(size)
    length, gap = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    length[size == 1] = 1
    for row, value in (lengths or {}).items():
        length[row] = value
    for row, value in (gaps or {}).items():
        gap[row] = value
    start = np.cumsum(gap + np.concatenate(([0], length[:-1])))
    end = (start + length)[np.arange(rows) + size - 1]
    given = {"kind": np.ones(rows, np.uint16), "field": np.zeros(rows, np.uint16), "flags": np.ones(rows, np.uint8)}
    return SyntaxTree(
        "cpp", vocabulary("cpp"), **(given | columns), start=start.astype(np.int32), end=end.astype(np.int32), size=size
    )


# -- there and back --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", PARSED)
def test_every_language_comes_back(language: str) -> None:
    for text in (*sources(language), b"", b"\n", b"x", b"\0" * 300, b" " * 70_000 + b"x" * 70_000):
        stored_and_back(tree_of(text, language))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(PARSED), st.integers(0, 1 << 32), st.integers(1, 4))
def test_damaged_files_come_back(language: str, seed: int, times: int) -> None:
    random = Random(seed)
    stored_and_back(tree_of(mutated(random.choice(sources(language)), random, times), language))


@pytest.mark.parametrize("value", [0, 1, 2, 254, 255, 256, 65_535, 65_536, 1 << 24, (1 << 31) - 1000])
def test_numbers_at_the_borders(value: int) -> None:
    flat = [0, 1, 1, 1]
    stored_and_back(made_up(flat, lengths={2: value}))
    stored_and_back(made_up(flat, gaps={2: value}))
    stored_and_back(made_up(flat, gaps={0: value}, lengths={3: 0}))
    stored_and_back(made_up([0], lengths={0: value}))
    if value < 70_000:
        stored_and_back(made_up([0, *[1] * value]))
        stored_and_back(made_up([0, 1, *[2] * value, 1]))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from((0, 1, 2, 254, 255, 256, 999)), st.integers(0, 300),
                          st.integers(0, 543), st.integers(0, 50), st.integers(0, 15)), max_size=60))  # fmt: skip
def test_any_tree_comes_back(nodes: list[tuple[int, ...]]) -> None:
    depths = [0]
    for step, *_ in nodes:
        depths.append(min(depths[-1] + 1, step + 1))
    size = subtree_sizes(np.array(depths))
    rows = range(len(nodes))
    leaves = {row + 1: nodes[row][1] for row in rows if size[row + 1] == 1}
    kinds = np.array([1, *(node[3] for node in nodes)], np.uint16)
    fields = np.array([0, *(node[4] for node in nodes)], np.uint16)
    flags = np.array([1, *(node[5] for node in nodes)], np.uint8)
    gaps = {row + 1: nodes[row][2] for row in rows}
    tree = made_up(depths, leaves, gaps, kind=kinds, field=fields, flags=flags)
    holds_together(tree)
    stored_and_back(tree)


@pytest.mark.parametrize("symbols", [1, 2, 255, 256, 257, 30_000, 65_535])
def test_as_many_symbols_as_can_be(symbols: int) -> None:
    """Kinds, fields and flags that occur together, and whether it is a leaf; here each once."""
    number = np.arange(symbols - 1)
    kinds, fields = len(vocabulary("cpp").kinds), len(vocabulary("cpp").fields)
    root = np.zeros(1, np.int64)
    tree = made_up(
        [0, *[1] * (symbols - 1)],
        kind=np.concatenate((root, number % kinds)).astype(np.uint16),
        field=np.concatenate((root, number // kinds % fields)).astype(np.uint16),
        flags=np.concatenate((root, number // kinds // fields)).astype(np.uint8),
    )
    assert codec._Header.unpack(stored_and_back(tree)).symbols == symbols


@pytest.mark.parametrize("levels", [1, 2, 254, 255, 256, 257, 65_535, 65_536, 100_000])
def test_deep_trees_come_back(levels: int) -> None:
    stored_and_back(made_up(np.arange(levels)))
    stored_and_back(made_up(np.concatenate((np.arange(levels), [1] * (levels > 1)))))


def test_ends_beyond_the_last_leaf_come_back() -> None:
    """Of inner nodes, and so of every row around them."""
    tree = made_up([0, 1, 2, 1])
    columns = [column.copy() for column in tree.columns]
    columns[4] += np.array([700, 255, 0, 0], np.int32)
    names = ("kind", "field", "flags", "start", "end", "size")
    stored_and_back(SyntaxTree("cpp", tree.vocabulary, **dict(zip(names, columns, strict=True))))


def test_other_processes_store_the_same_bytes() -> None:
    """Whatever was loaded before, and however the interpreter hashes."""
    code = (
        "import sys; from fuzz.sources import PARSED, sources\n"
        "from treeseek.syntax.codec import encode; from treeseek.syntax.columns import parse_tree\n"
        "for language in sys.argv[1:]:\n"
        "    tree = parse_tree(sources(language)[0], language, deadline_seconds=20)\n"
        "    print(language, encode(tree, '00' * 16).hex())\n"
    )
    told = []
    for order in (PARSED, PARSED[::-1]):
        run = subprocess.run([sys.executable, "-c", code, *order], cwd=ROOT, capture_output=True, text=True, check=True)
        told.append(sorted(run.stdout.splitlines()))
    assert told[0] == told[1]
    assert len(told[0]) == len(PARSED)


# -- what doesn't come back ------------------------------------------------------------------------------------

SMALL = encode(tree_of(b"a = f(1)\n"), CONTENT)
LARGE = encode(tree_of(sources("rust")[1] * 20, "rust"), CONTENT)


def refuses(data: bytes, *errors: type[Exception]) -> None:
    with pytest.raises(errors):
        decode(data, CONTENT)


def test_no_bit_of_a_stored_tree_may_flip() -> None:
    for bit in range(8 * len(SMALL)):
        damaged = bytearray(SMALL)
        damaged[bit // 8] ^= 1 << bit % 8
        refuses(bytes(damaged), TreeCorruptError)


def test_no_bit_of_a_large_one_may_flip() -> None:
    random = Random(1)
    for _ in range(1500):
        damaged = bytearray(LARGE)
        damaged[random.randrange(len(LARGE))] ^= 1 << random.randrange(8)
        refuses(bytes(damaged), TreeCorruptError)


def test_nothing_may_be_cut_off_or_added() -> None:
    for length in range(len(SMALL)):
        refuses(SMALL[:length], TreeCorruptError)
    for length in Random(1).sample(range(len(LARGE)), 300):
        refuses(LARGE[:length], TreeCorruptError)
        refuses(LARGE[length:], TreeCorruptError)
    for more in (b"\0", b"x" * 40, SMALL):
        refuses(SMALL + more, TreeCorruptError)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=300))
def test_other_bytes_are_no_tree(data: bytes) -> None:
    refuses(data, TreeCorruptError)
    refuses(SMALL[:4] + data, TreeCorruptError)
    refuses(SMALL[:FRAME] + data, TreeCorruptError)


def with_header(**changes: object) -> bytes:
    header = codec._Header.unpack(SMALL)
    return replace(header, **changes).pack() + SMALL[-header.body :]


def test_a_header_that_is_left_as_it_is_is_right() -> None:
    assert with_header() == SMALL


def test_a_tree_of_something_else_is_a_mismatch() -> None:
    with pytest.raises(TreeMismatchError):
        decode(SMALL, OTHER)
    assert decode(SMALL) == decode(SMALL, CONTENT)
    refuses(with_header(digest=b"x" * 8), TreeMismatchError)
    refuses(with_header(version="0.0.1"), TreeMismatchError)
    refuses(with_header(grammar="cobra"), TreeMismatchError)
    refuses(with_header(language="klingon"), TreeMismatchError)
    refuses(with_header(language="markdown"), TreeMismatchError)
    refuses(with_header(language="rust"), TreeMismatchError)
    refuses(with_header(content=bytes.fromhex(OTHER)), TreeMismatchError)


def test_another_format_is_a_mismatch_whatever_follows() -> None:
    """Magic, version, length and checksum of the header stay where they are in every version."""
    for version in (0, codec.FORMAT_VERSION + 1, 65_535):
        start = SMALL[:4] + version.to_bytes(2, "little")
        for header in (b"", b"what comes later", SMALL[FRAME:]):
            frame = start + len(header).to_bytes(2, "little")
            refuses(frame + zlib.crc32(header, zlib.crc32(frame)).to_bytes(4, "little") + header, TreeMismatchError)


def test_wrong_magic_is_no_tree_even_with_a_right_checksum() -> None:
    frame = b"TSKX" + SMALL[4:8]
    length = int.from_bytes(SMALL[6:8], "little")
    header = SMALL[FRAME : FRAME + length]
    crc = zlib.crc32(header, zlib.crc32(frame)).to_bytes(4, "little")
    refuses(frame + crc + SMALL[FRAME:], TreeCorruptError)


@pytest.mark.parametrize(
    "count", ["nodes", "symbols", "large_sizes", "large_gaps", "large_lengths", "exceptions", "raw"]
)
def test_counts_that_are_wrong_under_right_checksums(count: str) -> None:
    now = getattr(codec._Header.unpack(SMALL), count)
    most = 65_535 if count == "symbols" else (1 << 32) - 1
    for value in {0, 1, now - 1, now + 1, 2 * now, 255, 256, 65_535, 1 << 20, most} - {now, -1}:
        refuses(with_header(**{count: min(value, most)}), TreeCorruptError)


def test_sections_that_are_wrong_under_right_checksums() -> None:
    """Every byte of what is compressed: an error that is meant, or a tree of which everything can be asked."""
    body = opened(tree_of(b"a = f(1)\n"))
    assert decode(sealed(body)) == tree_of(b"a = f(1)\n")
    refused = 0
    for at in range(25, len(body)):
        for value in (0, 1, 2, 127, 128, 254, 255):
            damaged = body[:at] + bytes([value]) + body[at + 1 :]
            try:
                tree = decode(sealed(damaged))
            except TreeCorruptError:
                refused += 1
            else:
                answers_everything(tree)
    assert refused > 100


def test_sections_that_are_too_long_or_too_short_under_right_checksums() -> None:
    refuses(sealed(opened(tree_of(b"a = f(1)\n")) + b"\0"), TreeCorruptError)
    one_large = opened(made_up([0, 1, 1, 1], gaps={2: 300}))
    at = one_large.rindex(bytes([0, 0, 255, 0]))
    refuses(sealed(one_large[:at] + bytes([255, 0, 255, 0]) + one_large[at + 4 :]), TreeCorruptError)


def test_what_would_fill_the_memory_is_not_even_decompressed() -> None:
    bomb = opened(tree_of(b"a = f(1)\n")) + bytes(1 << 16)
    with pytest.raises(TreeCorruptError, match="isn't as large as it says"):
        decode(sealed(bomb))
    many = bytes([PARSED.index("python")]) + (1 << 26).to_bytes(4, "little") + opened(tree_of(b"a"))[5:]
    with pytest.raises(TreeCorruptError, match="isn't as large as it says"):
        decode(sealed(many))


@pytest.mark.parametrize("beyond", [0, 1, 1000])
@pytest.mark.parametrize("column", ["kind", "field"])
def test_kinds_and_fields_that_the_grammar_lacks(column: str, beyond: int) -> None:
    names = vocabulary("cpp")
    first = {"kind": len(names.kinds), "field": len(names.fields)}[column]
    assert decode(encode(made_up([0, 1], **{column: np.array([0, first - 1], np.uint16)}), CONTENT))
    refuses(encode(made_up([0, 1], **{column: np.array([0, first + beyond], np.uint16)}), CONTENT), TreeCorruptError)


@pytest.mark.parametrize(
    "broken",
    [
        {"size": [3, 1]}, {"size": [2, 2]}, {"size": [1, 1]}, {"size": [-1, 1]}, {"start": [-1, 0]}, {"start": [5, 9]},
        {"end": [1, 9]},
    ],
)  # fmt: skip
def test_nodes_without_a_place(broken: dict[str, list[int]]) -> None:
    columns = {"size": [2, 1], "start": [0, 0], "end": [1, 1]} | broken
    values = {name: np.array(column, np.int32) for name, column in columns.items()}
    ones = {"kind": np.ones(2, np.uint16), "field": np.zeros(2, np.uint16), "flags": np.ones(2, np.uint8)}
    tree = SyntaxTree("cpp", vocabulary("cpp"), **ones, **values)
    with pytest.raises((TreeCorruptError, IndexError)):
        decode(encode(tree, CONTENT))


# -- what is made of trees -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", PARSED)
def test_what_is_made_of_a_text_holds(language: str) -> None:
    """The check that is fuzzed: columns, stored form, hashes, canonical tree, declarations and chunks."""
    random = Random(2)
    damaged = [mutated(sources(language)[1], random, 2) for _ in range(3)]
    for text in (*sources(language), b"", b"\xff\xfe\0(", *damaged):
        TARGETS[f"analysis-{language}"].check(text)


@pytest.mark.parametrize("language", PARSED)
def test_what_is_told_of_two_versions_holds(language: str) -> None:
    random = Random(3)
    for text in sources(language)[:2]:
        for times in (1, 2, 4):
            pair = paired(language, text, mutated(text, random, times))
            TARGETS["diff"].check(pair)
            TARGETS["reparse"].check(pair)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.sampled_from(PARSED), st.binary(max_size=200))
def test_any_bytes_have_a_canonical_tree(language: str, data: bytes) -> None:
    tree = tree_of(data, language)
    assert lower(tree) == lower(tree)
    nothing_changed(tree)
    hashes_mean_equality(tree)


@pytest.mark.parametrize("language", [name for name in PARSED if name != "php"])  # whose text begins as HTML
def test_hashes_do_not_depend_on_what_is_around(language: str) -> None:
    text = sources(language)[0]
    alone, moved = tree_of(text, language), tree_of(b"\n\n\n" + text + b"\n\n", language)
    at_top = set(subtree_hashes(moved).subtree[moved.children(0)].tolist())
    assert set(subtree_hashes(alone).subtree[alone.children(0)].tolist()) <= at_top
    diff_is_right(alone, moved)
