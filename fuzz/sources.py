"""Texts to begin with in every language, and ways to damage them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

from treeseek.syntax.languages import LANGUAGES

__all__ = ["PARSED", "mutated", "sources"]

PARSED = tuple(sorted(row.name for row in LANGUAGES.values() if row.reader == "syntax"))
"""The languages that have a grammar."""

_ROOT = Path(__file__).resolve().parents[1]
_FRAGMENTS = (
    b"\n", b"\r\n", b"\r", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"{", b"}", b"(", b")", b"[", b"]",
    b"<", b'"', b"'", b"`", b'"""', b"/*", b"*/", b"//", b"#", b"--", b"\\", b"\\\n", b"${", b"<<E\n", b"E\n",
    b"=begin\n", b"#if 1\n", b"#endif\n", b"---\n", b"end\n", b"\t", b"\x0c", b"\xc2\xa0", "日本".encode(),
    b"class A {", b"def f():\n", b"fn f() {", b"@", b";", b",", b":", b"0x", b"1e", b" " * 9, b"x" * 300,
)  # fmt: skip
_BRACKETS = ((b"(", b")"), (b"[", b"]"), (b"{", b"}"), (b"<", b">"), (b"if (a) {", b"}"), (b"a(b,", b")"))


@cache
def sources(language: str) -> tuple[bytes, ...]:
    """Return small whole files in a language with a grammar, those of the tests included."""
    folders = (_ROOT / "tests/syntax/golden", _ROOT / "fuzz/seeds")
    found = [path.read_bytes() for folder in folders if (path := folder / f"{language}.source").exists()]
    return (*found, found[-1].replace(b"\n", b"\r\n"))


def mutated(data: bytes, random: Random, times: int = 1) -> bytes:
    """Return a damaged copy; how follows from `random` alone."""
    for _ in range(times):
        data = random.choice(_MUTATIONS)(data, random)
    return data


def _span(data: bytes, random: Random, longest: int = 200) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(len(data), start + random.randint(0, longest))


def _delete(data: bytes, random: Random) -> bytes:
    start, end = _span(data, random)
    return data[:start] + data[end:]


def _duplicate(data: bytes, random: Random) -> bytes:
    start, end = _span(data, random)
    at = random.randint(0, len(data))
    return data[:at] + data[start:end] + data[at:]


def _swap_lines(data: bytes, random: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return data
    one, other = random.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _drop_line(data: bytes, random: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        del lines[random.randrange(len(lines))]
    return b"".join(lines)


def _repeat_line(data: bytes, random: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        lines.insert(random.randint(0, len(lines)), random.choice(lines))
    return b"".join(lines)


def _insert(data: bytes, random: Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(_FRAGMENTS) + data[at:]


def _insert_bytes(data: bytes, random: Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.randbytes(random.randint(1, 8)) + data[at:]


def _overwrite(data: bytes, random: Random) -> bytes:
    start, end = _span(data, random, 4)
    return data[:start] + random.randbytes(end - start) + data[end:]


def _rename(data: bytes, random: Random) -> bytes:
    """Give one word another name wherever it stands."""
    words = sorted({word for word in data.split() if word.isalnum()})
    return data.replace(random.choice(words), b"renamed") if words else data


def _truncate(data: bytes, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def _nest(data: bytes, random: Random) -> bytes:
    """Put deep nesting around a place, closed or not."""
    start, end = _span(data, random)
    opening, closing = random.choice(_BRACKETS)
    deep = random.choice((3, 30, 300))
    closed = random.choice((deep, 0, deep - 1))
    return data[:start] + opening * deep + data[start:end] + closing * closed + data[end:]


def _blank(data: bytes, random: Random) -> bytes:
    """Lay it out otherwise."""
    return data.replace(random.choice((b"\n", b" ", b"    ")), random.choice((b"\n\n", b"\t", b"  ", b"\r\n")))


_MUTATIONS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _delete, _delete, _duplicate, _swap_lines, _drop_line, _repeat_line, _insert, _insert, _insert_bytes, _overwrite,
    _rename, _truncate, _nest, _blank,
)  # fmt: skip
