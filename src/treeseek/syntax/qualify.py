"""Names as the index knows them: parts joined by dots whatever the language writes, without type arguments."""

from __future__ import annotations

import re

__all__ = ["plain_name"]

MAX_NAME_BYTES = 300

_PLAIN = re.compile(rb"[^\W\d]\w*[?!]?\Z")
_TYPE_ARGUMENTS = re.compile(r"<[&'\[(]*\w[\w\s&*,.:'?\[\]()+-]*>|(?<=\w)<>")
_SEPARATORS = re.compile(r"::|\\|->|(?<=\w):(?=\w)|(?<=\w)#(?=\w)")
_MEMBER = re.compile(r"::|\.prototype\.|\w:\w")
_EXPORTS = re.compile(r"^(?:module\.)?exports\.?|^this\.|^self\.")
_OPERATOR = re.compile(r"\boperator\b")


def plain_name(raw: bytes) -> tuple[str, bool]:
    """Return the dotted name that a name node's text stands for, and whether it says that it belongs to a type."""
    text = raw.decode("utf-8", "replace")
    if text.isascii() and (text.isidentifier() or _PLAIN.match(raw)):
        return text, False
    text = "".join(raw[:MAX_NAME_BYTES].decode("utf-8", "replace").split())
    if text[:1] in ("'", '"', "`") and text[-1:] == text[:1]:
        text = text[1:-1]
    if text[:1] == "(" and text[-1:] == ")":
        text = text[1:-1]  # an operator, as Haskell names it in prefix position
    if not _OPERATOR.search(text):
        while (bare := _TYPE_ARGUMENTS.sub("", text)) != text:
            text = bare
        text = text.lstrip("&*")
        if "[" in text and text[:1] not in "[=":
            text = text.partition("[")[0] if text[-1:] == "]" else text
    is_member = _MEMBER.search(text) is not None
    text = _SEPARATORS.sub(".", text).replace(".prototype.", ".").lstrip(".")
    return _EXPORTS.sub("", text) or text, is_member
