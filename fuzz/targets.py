"""The targets: functions of bytes that return, or raise what is a finding. Knows nothing of the fuzzer."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random

from fuzz.changes import declarations_are_told, diff_is_right, hashes_mean_equality, nothing_changed
from fuzz.properties import CONTENT, agrees_with_parser, answers_everything, holds_together, stored_and_back
from fuzz.sources import PARSED, mutated, sources
from treeseek.errors import TreeError
from treeseek.syntax.canonical import lower
from treeseek.syntax.codec import _Header, compressed, decode, decompressed, encode
from treeseek.syntax.columns import parse_tree, to_columns
from treeseek.syntax.grammars import load, parse, vocabulary
from treeseek.syntax.live import parse_live, reparse
from treeseek.syntax.parsed import parse_file
from treeseek.syntax.read import analyse
from treeseek.syntax.stored import decode_file, encode_file
from treeseek.syntax.tree import SyntaxTree

__all__ = ["DEADLINE", "TARGETS", "Target", "opened", "paired", "parse_only", "sealed"]

DEADLINE = 20.0
"""Seconds that a parser may take; whoever gives up has found nothing."""
_COUNTS = struct.Struct("<6I")
_BETWEEN = b"\n=====\n"


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to fuzz.

    `check` raises what is a finding; `seeds` are inputs to begin with, of `most_bytes` at most; `mutate` knows how an
    input is made, where the fuzzer wouldn't; `texts` returns language and texts that `check` hands to a parser.
    """

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    texts: Callable[[bytes], tuple[str, list[bytes]]] | None = None
    mutate: Callable[[bytes, Random], bytes] | None = None
    most_bytes: int = 4096


# -- stored trees ----------------------------------------------------------------------------------------------


def _check_decoded(data: bytes) -> None:
    """Whatever the bytes: an error that is meant, or a tree that answers."""
    try:
        tree = decode(data)
    except TreeError:
        return
    _answers(tree)


def _answers(tree: SyntaxTree) -> None:
    answers_everything(tree)
    stored = encode(tree, CONTENT)
    with suppress(TreeError):  # right checksums don't make columns a tree, and what is none may not survive
        decode(stored, CONTENT)
    if tree.end[0] < 1 << 20:
        answers_everything(tree.with_source(bytes(int(tree.end[0]))))


def sealed(data: bytes) -> bytes:
    """Return a stored tree with right checksums: of a language's number, the counts in its header, and its sections."""
    language = PARSED[data[0] % len(PARSED)] if data else PARSED[0]
    raw = data[1 + _COUNTS.size :]
    counts = _COUNTS.unpack_from(data[1:].ljust(_COUNTS.size, b"\0"))
    body = compressed(raw)
    names = vocabulary(language)
    nodes, symbols, sizes, gaps, lengths, exceptions = counts
    header = _Header(
        nodes, bytes.fromhex(CONTENT), names.digest, symbols % 65_536, sizes, gaps, lengths, exceptions, len(raw),
        len(body), zlib.crc32(body), language, names.grammar, names.version,
    )  # fmt: skip
    return header.pack() + body


def opened(tree: SyntaxTree) -> bytes:
    """Undo `sealed`: return a tree as what the fuzzer mutates."""
    stored = encode(tree, CONTENT)
    header = _Header.unpack(stored)
    counts = (
        header.nodes, header.symbols, header.large_sizes, header.large_gaps, header.large_lengths, header.exceptions,
    )  # fmt: skip
    raw = decompressed(stored[-header.body :], header.raw)
    return bytes([PARSED.index(tree.language)]) + _COUNTS.pack(*counts) + raw


def _check_body(data: bytes) -> None:
    _check_decoded(sealed(data))


def _check_file(data: bytes) -> None:
    """As `_check_decoded`, of a file with its declarations: the first bytes are a right frame around the rest."""
    count = int.from_bytes(data[:2], "little")
    tree, packed = data[2 : 2 + count], data[2 + count :]
    body = compressed(packed)
    stored = struct.pack("<IIII", len(tree), len(packed), len(body), zlib.crc32(body, len(packed))) + tree + body
    try:
        file = decode_file(stored)
        assert len(file.declarations) >= 0  # unpacked here, where it may be refused
    except TreeError:
        return
    again = decode_file(encode_file(file, CONTENT))
    assert again == file
    for one in file.declarations:
        assert 0 <= one.row < len(file.tree) and -1 <= one.parent < len(file.declarations)
        assert isinstance(one.name, str) and isinstance(one.kind, str) and isinstance(one.signature, str)


def _trees() -> Iterator[SyntaxTree]:
    random = Random(1)
    for language in PARSED:
        for text in (b"", b"a", sources(language)[0][:200], mutated(sources(language)[0], random, 3)[:300]):
            tree = parse_tree(text, language, deadline_seconds=DEADLINE)
            if tree is not None:
                yield tree


def _stored_files() -> Iterator[bytes]:
    for language in PARSED:
        text = sources(language)[0]
        file = parse_file(text, language, deadline_seconds=DEADLINE)
        if file is None:
            continue
        stored = encode_file(file, CONTENT)
        length = int.from_bytes(stored[:4], "little")
        packed = decompressed(stored[16 + length :], int.from_bytes(stored[4:8], "little"))
        yield length.to_bytes(2, "little") + stored[16 : 16 + length] + packed


# -- texts -----------------------------------------------------------------------------------------------------


def _check_text(language: str, data: bytes) -> None:
    """Everything that is made of one text in a language: the tree, its stored form, the canonical tree, chunks."""
    parsed = parse(load(language), data, DEADLINE)
    if parsed is None:
        return
    tree = to_columns(parsed, language, data)
    agrees_with_parser(tree, parsed)
    holds_together(tree)
    stored_and_back(tree)
    hashes_mean_equality(tree)
    nothing_changed(tree)
    canonical = lower(tree)
    assert canonical == lower(tree)
    assert canonical.outline() == lower(tree).outline()
    assert len(canonical) and canonical.size[0] == len(canonical)
    _check_declared(language, data)
    _check_chunks(language, data)


def _check_declared(language: str, data: bytes) -> None:
    file = parse_file(data, language, deadline_seconds=DEADLINE)
    if file is None:
        return
    assert decode_file(encode_file(file, CONTENT), CONTENT) == file
    for number, one in enumerate(file.declarations):
        assert 0 <= one.start <= one.end <= len(data)
        assert -1 <= one.parent < number and 0 <= one.row < len(file.tree) and one.complexity >= 1


def _check_chunks(language: str, data: bytes) -> None:
    syntax = analyse(data, language, deadline_seconds=DEADLINE)
    assert analyse(data, language, deadline_seconds=DEADLINE) == syntax
    at = 0
    for chunk in syntax.chunks:
        assert at <= chunk.start_byte < chunk.end_byte <= len(data)
        assert not data[at : chunk.start_byte].strip()
        at = chunk.end_byte
    assert not data[at:].strip()


def _texts(language: str, data: bytes) -> tuple[str, list[bytes]]:
    return language, [data]


def _text_seeds(language: str) -> Iterator[bytes]:
    random = Random(1)
    for text in sources(language):
        yield text
        yield from (mutated(text, random, times)[:4000] for times in (1, 1, 2, 5))
        yield from text.split(b"\n\n")


# -- two versions of a text ------------------------------------------------------------------------------------


def paired(language: str, old: bytes, new: bytes) -> bytes:
    """Return two versions as one input."""
    return bytes([PARSED.index(language)]) + old + _BETWEEN + new


def _versions(data: bytes) -> tuple[str, list[bytes]]:
    old, _, new = data[1:].partition(_BETWEEN)
    return PARSED[data[0] % len(PARSED)] if data else PARSED[0], [old, new]


def _check_difference(data: bytes) -> None:
    language, texts = _versions(data)
    old, new = (parse_file(text, language, deadline_seconds=DEADLINE) for text in texts)
    if old is None or new is None:
        return
    hashes_mean_equality(old.tree, new.tree)
    diff_is_right(old.tree, new.tree)
    diff_is_right(new.tree, old.tree)
    declarations_are_told(old, new)


def _check_reparse(data: bytes) -> None:
    """An incremental parse leaves the old tree alone and gives a tree that holds together.

    It isn't held against a parse of the whole: in what is no program, tree-sitter recovers in another place.
    """
    language, (before, after) = _versions(data)
    old = parse_live(before, language, deadline_seconds=DEADLINE)
    if old is None:
        return
    was = old.parsed()
    new = reparse(old, after, deadline_seconds=DEADLINE)
    assert old.parsed() == was
    if new is None:
        return
    tree = to_columns(new.tree, language, after)
    agrees_with_parser(tree, new.tree)
    holds_together(tree)
    full = parse_tree(after, language, deadline_seconds=DEADLINE)
    assert full is None or new.tree.root_node.has_error or tree == full, "an error-free tree differs from a full parse"


def _another_version(data: bytes, random: Random) -> bytes:
    language, (old, new) = _versions(data)
    if random.random() < 0.3:
        old = mutated(new or old, random)
    if random.random() < 0.1:
        language = random.choice(PARSED)
    return paired(language, old, mutated(old if random.random() < 0.6 else new, random, random.choice((1, 1, 1, 3))))


def _pair_seeds() -> Iterator[bytes]:
    random = Random(1)
    for language in PARSED:
        for text in sources(language):
            yield from (paired(language, text, mutated(text, random, times)) for times in (1, 1, 3))


def parse_only(target: Target, data: bytes) -> None:
    """Do nothing with an input but what isn't ours: parse the texts in it."""
    if target.texts is not None:
        language, texts = target.texts(data)
        for text in texts:
            parse(load(language), text, DEADLINE)


TARGETS: dict[str, Target] = {
    "decode": Target(_check_decoded, lambda: (encode(tree, CONTENT) for tree in _trees())),
    "decode-body": Target(_check_body, lambda: (opened(tree) for tree in _trees())),
    "decode-file": Target(_check_file, _stored_files),
    "diff": Target(_check_difference, _pair_seeds, _versions, _another_version),
    "reparse": Target(_check_reparse, _pair_seeds, _versions, _another_version),
    **{
        f"analysis-{language}": Target(
            partial(_check_text, language), partial(_text_seeds, language), partial(_texts, language),
        )
        for language in PARSED
    },
}  # fmt: skip
"""All targets by name."""
