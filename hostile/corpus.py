"""The corpus: over a thousand files, made from a seed alone, the same bytes on every machine and every Python.

In every language that has a grammar: nesting, endless tokens, long lines, ambiguity, random bytes, polyglots, text that
reads otherwise than it looks, repetition, and damaged code. Beside them, a sound file of each language.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from fuzz.sources import PARSED, sources

from treeseek.syntax.languages import LANGUAGES

__all__ = ["GOOD", "corpus", "digest_of", "plant"]

SEED = "treeseek-hostile-1"
GOOD = "sound"
"""The folder of the files that must be indexed as if nothing else were there."""
_LINE = 1_900
"""Longer lines would be left out before any parser sees them, and most of this is for parsers."""

_OPENERS = (
    b"(", b"[", b"{", b"<", b"a(", b"f(x, ", b"[[", b"({[", b"if (a) {", b"${", b"#{", b"\"${", b"`", b"(*", b"/*",
    b"{-", b"<<E\n", b"begin\n", b"do\n", b"class A {", b"fn f() {", b"def f():\n", b"a?.b{", b"match x {", b"(a,",
    b"<a<b",
)  # fmt: skip
_CHAINS = (
    b"a.", b"a+", b"!", b"-", b"~", b"not ", b"*", b"&", b"a?b:", b"a=", b"a->", b"a::", b"a<b,", b"a<",
    b"else if (a) ", b"a, ", b"@", b"#", b"\\", b"a&&", b"a|", b"in ", b"return ", b"'", b'"', b"...", b"<!", b"%w[",
    b"//",
)  # fmt: skip
_SIGNS = b"(){}[]<>\"'`#/*\\\n ;:,.=+-$@!&|%^~?"
_INVISIBLE = (
    "\u202e", "\u2066", "\u2069", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u2028", "\u0430", "\u037e", "\U000e0041",
    "\x1b[2J", "\x9b31m", "\x07", "\r", "\x0c", "\x00",
)  # fmt: skip


class _Choices:
    """A stream of numbers that follows from a name: the standard library's may change with its version."""

    def __init__(self, name: str) -> None:
        self._blocks = (hashlib.sha256(f"{SEED}/{name}/{i}".encode()).digest() for i in count())
        self._left = b""

    def below(self, limit: int) -> int:
        while len(self._left) < 4:
            self._left += next(self._blocks)
        taken, self._left = self._left[:4], self._left[4:]
        return int.from_bytes(taken, "little") % limit

    def of(self, things: tuple[bytes, ...]) -> bytes:
        return things[self.below(len(things))]

    def bytes(self, size: int) -> bytes:
        return hashlib.shake_256(f"{SEED}/{self.below(1 << 30)}".encode()).digest(size)


def corpus() -> Iterator[tuple[str, bytes]]:
    """Yield every file: its path and its bytes."""
    for language in PARSED:
        ending = LANGUAGES[language].extensions[0].lstrip(".")
        yield f"{GOOD}/{language}.{ending}", sources(language)[0]
        for kind, make in _KINDS.items():
            for number in range(_VARIANTS.get(kind, 4)):
                choices = _Choices(f"{language}/{kind}/{number}")
                yield f"{language}/{kind}{number}.{ending}", make(choices, sources(language)[0])
    yield from _known()


def _known() -> Iterator[tuple[str, bytes]]:
    """Yield what is known to crash, hang or gorge a grammar, or did."""
    yield "known/less.cpp", _broken(b"a<b," * 100_000)
    yield "known/lambda.kt", _broken(b"a?.b{" * 48_000)
    yield "known/generics.kt", _broken(b"a<b," * 60_000)
    yield "known/comment.hs", _broken(b"{-" * 100_000)
    yield "known/parentheses.swift", _broken(b"(a," * 60_000)
    yield "known/interpolation.rb", _broken(b'"#{' * 60_000)
    yield "known/heredoc.sh", b"<<E\n" * 20_000
    yield "known/templates.ts", _broken(b"`${" * 60_000)
    yield "known/casts.cs", _broken(b"(a)" * 80_000)
    yield "known/less.java", _broken(b"a<b," * 80_000)


def _broken(data: bytes) -> bytes:
    """Return the same in lines."""
    return b"\n".join(data[i : i + _LINE] for i in range(0, len(data), _LINE)) + b"\n"


def _nest(choices: _Choices, sound: bytes) -> bytes:
    opener = choices.of(_OPENERS)
    deep = (60, 1_200, 6_000)[choices.below(3)]
    closers = {b"(": b")", b"[": b"]", b"{": b"}", b"<": b">"}
    closing = closers.get(opener[-1:], b"end\n" if opener.endswith(b"\n") else b"}")
    return _broken(opener * deep + b"x" + closing * (deep, 0, deep // 2)[choices.below(3)]) + sound


def _chain(choices: _Choices, sound: bytes) -> bytes:
    return _broken(choices.of(_CHAINS) * (500, 5_000, 15_000)[choices.below(3)] + b"x") + sound


def _token(choices: _Choices, sound: bytes) -> bytes:
    token = choices.of((b"a", b"0", b"_", b'"', b"'", b"#", b" ", b"\t", b"\xc3\xa9", b"=", b"1e", b"0x"))
    size = (3_000, 60_000, 300_000)[choices.below(3)]
    return sound + _broken(token * (size // len(token)))


def _line(choices: _Choices, sound: bytes) -> bytes:
    words = (b"a = 1; ", b"f(x) ", b"x" * 50, b'"text" ', b"{}")
    return sound + choices.of(words) * (400, 3_000, 30_000)[choices.below(3)]


def _random(choices: _Choices, sound: bytes) -> bytes:
    raw = choices.bytes((200, 5_000, 60_000)[choices.below(3)])
    how = choices.below(4)
    if how == 0:
        return raw
    if how == 1:
        return bytes(32 + byte % 95 if byte % 17 else 10 for byte in raw)
    if how == 2:
        return bytes(_SIGNS[byte % len(_SIGNS)] for byte in raw)
    words = sound.split() or [b"x"]
    return b" ".join(words[byte % len(words)] if byte % 11 else b"\n" for byte in raw[:8_000])


def _polyglot(choices: _Choices, sound: bytes) -> bytes:
    heads = (
        b"#!/bin/sh\n",
        b"%PDF-1.4\n",
        b"<?php ",
        b"GIF89a\n",
        b"<!DOCTYPE html>\n",
        b"PK\x03\x04",
        b"\xef\xbb\xbf",
        b"",
    )
    parts = [sources(PARSED[choices.below(len(PARSED))])[0] for _ in range(3)]
    return choices.of(heads) + sound + b"\n".join(parts)


def _seeming(choices: _Choices, sound: bytes) -> bytes:
    lines = sound.split(b"\n")
    for _ in range(20):
        mark = _INVISIBLE[choices.below(len(_INVISIBLE) - (choices.below(8) > 0))].encode()
        at = choices.below(len(lines))
        place = choices.below(len(lines[at]) + 1)
        lines[at] = lines[at][:place] + mark + lines[at][place:]
    return b"\n".join(lines)


def _repeated(choices: _Choices, sound: bytes) -> bytes:
    lines = sound.split(b"\n")
    how = choices.below(3)
    if how == 0:
        return (lines[choices.below(len(lines))] + b"\n") * 4_000
    if how == 1:
        return sound * 30
    return b"\n" * 50_000 + sound


def _damaged(choices: _Choices, sound: bytes) -> bytes:
    data = sound
    for _ in range(1 + choices.below(12)):
        start = choices.below(len(data) + 1)
        end = min(start + choices.below(120), len(data))
        piece = (b"", data[start:end] * 2, choices.bytes(6), choices.of(_OPENERS) * 9, b"\0")[choices.below(5)]
        data = data[:start] + piece + data[end:]
    return data if choices.below(4) else data[: choices.below(len(data) + 1)]


_KINDS: dict[str, Callable[[_Choices, bytes], bytes]] = {
    "nest": _nest, "chain": _chain, "token": _token, "line": _line, "random": _random, "polyglot": _polyglot,
    "seeming": _seeming, "repeated": _repeated, "damaged": _damaged,
}  # fmt: skip
_VARIANTS = {"nest": 10, "chain": 8, "damaged": 10, "random": 6, "repeated": 3, "polyglot": 3}


def plant(root: Path, *, every: int = 1) -> list[str]:
    """Write the corpus below a directory, or of each kind one in so many; return the paths."""
    paths = []
    for number, (path, data) in enumerate(corpus()):
        if number % every == 0 or path.startswith(GOOD) or (path.startswith("known/") and every < 50):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
            paths.append(path)
    return paths


def digest_of() -> tuple[int, str]:
    """Return how many files the corpus has, and a digest of all paths and bytes."""
    digest, files = hashlib.sha256(), 0
    for path, data in corpus():
        digest.update(f"{path} {len(data)}\n".encode())
        digest.update(data)
        files += 1
    return files, digest.hexdigest()
