"""How the same literal, comment or operator reads the same in every language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["comment_text", "literal", "number", "operator", "string_text"]

_PUNCTUATION = frozenset("( ) [ ] { } , ; : \n".split(" "))
_OPENING = re.compile(r"<!--|--\[=*\[|(?:--+|\{-) ?[|^](?= )")
_MARKS = " \t/*#!-;:%{"
_CLOSING = ("*/", "-->", "-}")
_BRACKETS = re.compile(r"\]=*\]$")
_STRING = re.compile(
    r"""(?:[A-Za-z@$&~]{0,3})(?P<hashes>\#*)(?P<quote>\"\"\"|'''|"|'|`)(?P<text>.*)(?P=quote)(?P=hashes)""", re.DOTALL
)
_SUFFIX = re.compile(r"(?<=[\d.])(?:[iu](?:8|16|32|64|128|size)|f(?:32|64|128|16)|u?l{1,2}u?|[ufdnm])$")
_HEX_SUFFIX = re.compile(r"(?:[iu](?:8|16|32|64|128|size)|u?l{1,2}u?|un?|n)$")


def operator(tokens: Sequence[str], names: Mapping[str, str]) -> str:
    """Return the canonical operator of an expression from its tokens; of a chain of comparisons, all of them."""
    return " ".join(names.get(token, token) for token in tokens if token not in _PUNCTUATION)


def string_text(text: str) -> str:
    """Return a string literal without its quotes and prefix; escapes stay as written."""
    match = _STRING.fullmatch(text.strip())
    return match["text"] if match else text


def number(text: str) -> str:
    """Return a number literal in lower case, without separators and without a type's suffix."""
    plain = text.lower().replace("_", "").replace("'", "")
    return (_HEX_SUFFIX if plain.startswith("0x") else _SUFFIX).sub("", plain)


def literal(text: str) -> str:
    """Return "true" or "false", or whatever else a boolean is called, in lower case."""
    return text.lower()


def comment_text(text: str) -> str:
    """Return a comment or a docstring without its marks, its lines stripped and joined by spaces."""
    match = _STRING.fullmatch(text)
    lines = (match["text"] if match else text).splitlines()
    return " ".join(filter(None, map(_without_marks, lines)))


def _without_marks(line: str) -> str:
    opening = _OPENING.match(line)
    line = line[opening.end() if opening else 0 :].strip(_MARKS)
    for mark in _CLOSING:
        line = line.removesuffix(mark)
    return _BRACKETS.sub("", line).strip()
