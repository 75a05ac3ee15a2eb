"""The pattern language of .gitignore: from text to a decision about one name.

It follows git's own matcher (dir.c and wildmatch.c), quirks included, over bytes: `?` is one byte, as in git.
`pathspec` isn't used, for two measured reasons. A tree is untrusted, and its regular expressions backtrack:
the pattern `*a*a*a*a*a*a*b` against a name of sixty letters takes it over a second; here every star is an
atomic group, which is never entered again. And it differs from git on classes, escapes and `a**/b`.

Patterns that are a plain name, a plain path or `*.extension`, which is most of them, are looked up in
dictionaries; what is left shares one regular expression as a gate.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["Pattern", "Rules", "Scope", "decide", "parse"]

_SPECIAL = b"*?[\\"
_ALPHA = frozenset(string.ascii_letters.encode())
_DIGIT = frozenset(string.digits.encode())
_PUNCT = frozenset(string.punctuation.encode())
_CLASSES: dict[bytes, frozenset[int]] = {
    b"alnum": _ALPHA | _DIGIT,
    b"alpha": _ALPHA,
    b"blank": frozenset(b" \t"),
    b"cntrl": frozenset({*range(32), 127}),
    b"digit": _DIGIT,
    b"graph": _ALPHA | _DIGIT | _PUNCT,
    b"lower": frozenset(string.ascii_lowercase.encode()),
    b"print": _ALPHA | _DIGIT | _PUNCT | {0x20},
    b"punct": _PUNCT,
    b"space": frozenset(b" \t\n\r"),
    b"upper": frozenset(string.ascii_uppercase.encode()),
    b"xdigit": frozenset(string.hexdigits.encode()),
}

Match = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of an ignore file: its text as written, and whether it starts with `!`."""

    text: bytes
    negated: bool


@dataclass(slots=True)
class _Table:
    """The patterns that can match a file, or a directory, each as its line's index; the highest decides."""

    names: dict[bytes, int] = field(default_factory=dict)
    paths: dict[bytes, int] = field(default_factory=dict)
    suffixes: dict[bytes, int] = field(default_factory=dict)
    name_globs: list[tuple[int, bytes]] = field(default_factory=list)
    path_globs: list[tuple[int, bytes]] = field(default_factory=list)
    name_gate: tuple[Match, Sequence[tuple[int, Match]]] | None = None
    path_gate: tuple[Match, Sequence[tuple[int, Match]]] | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The patterns of one ignore file, compiled. `files` and `directories` are for `decide` alone."""

    patterns: tuple[Pattern, ...]
    files: _Table
    directories: _Table


@dataclass(frozen=True, slots=True)
class Scope:
    """Rules and where they stand. The path they see is `prefix` + the path from its byte `skip` on.

    `prefix` is for rules from above the root, `skip` for those from a directory below it. `source` names the
    file the rules come from, for a person.
    """

    rules: Rules
    source: str
    skip: int = 0
    prefix: bytes = b""


def decide(scopes: Iterable[Scope], name: bytes, path: bytes, *, is_dir: bool) -> tuple[Scope, Pattern] | None:
    """Return the pattern that decides over `path`, whose last component is `name`, with its scope, or None.

    `scopes` go from the one that is asked first. Parents aren't looked at: the walk has pruned them.
    """
    for scope in scopes:
        table = scope.rules.directories if is_dir else scope.rules.files
        last = table.names.get(name, -1)
        if table.suffixes and (dot := name.rfind(b".")) >= 0:
            last = max(last, table.suffixes.get(name[dot:], -1))
        if table.name_gate and table.name_gate[0](name):
            last = _last(table.name_gate[1], name, last)
        if table.paths or table.path_gate:
            here = scope.prefix + path if scope.prefix else path[scope.skip :]
            last = max(last, table.paths.get(here, -1))
            if table.path_gate and table.path_gate[0](here):
                last = _last(table.path_gate[1], here, last)
        if last >= 0:
            return scope, scope.rules.patterns[last]
    return None


def matcher(globs: Sequence[str]) -> Callable[[str], bool]:
    """Return a function that tells whether a path is meant by any of these globs, or lies below a directory that is.

    The syntax is that of ignore files, `!` included; a file's own path decides before its directories'. Linear in the
    path, whatever the globs. Raises ValueError for a glob with a line break.
    """
    if any("\n" in glob for glob in globs):
        raise ValueError("a glob can't hold a line break")
    scope = Scope(parse("\n".join(globs).encode("utf-8", "surrogateescape")), "")

    def matches(path: str) -> bool:
        raw = path.encode("utf-8", "surrogateescape")
        is_dir = False
        while raw:
            found = decide((scope,), raw.rpartition(b"/")[2], raw, is_dir=is_dir)
            if found is not None:
                return not found[1].negated
            raw, is_dir = raw.rpartition(b"/")[0], True
        return False

    return matches


def _last(globs: Sequence[tuple[int, Match]], subject: bytes, last: int) -> int:
    """Return the highest index above `last` whose glob matches, or `last`. `globs` come highest first."""
    for index, match in globs:
        if index <= last:
            break
        if match(subject):
            return index
    return last


@lru_cache(maxsize=512)
def parse(data: bytes) -> Rules:
    """Compile the content of an ignore file. Lines that can't match anything are dropped, as git does.

    Cached by content: large trees repeat the same few files in hundreds of directories.
    """
    patterns: list[Pattern] = []
    files, directories = _Table(), _Table()
    for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        text = _trim(line.removesuffix(b"\r"))
        if not text or text.startswith(b"#"):
            continue
        negated = text.startswith(b"!")
        glob = text[1:] if negated else text
        only_directories = glob.endswith(b"/")
        tables = (directories,) if only_directories else (files, directories)
        _add(tables, len(patterns), glob.removesuffix(b"/"))
        patterns.append(Pattern(text, negated))
    for table in (files, directories):
        table.name_gate = _gate(table.name_globs)
        table.path_gate = _gate(table.path_globs)
    return Rules(tuple(patterns), files, directories)


def _trim(line: bytes) -> bytes:
    """Drop trailing spaces, but keep one that a backslash escapes."""
    bare = line.rstrip(b" ")
    backslashes = len(bare) - len(bare.rstrip(b"\\"))
    return bare + b" " if backslashes % 2 and len(bare) < len(line) else bare


def _add(tables: Iterable[_Table], index: int, glob: bytes) -> None:
    """File the pattern under the cheapest way to look it up. A later line overwrites an equal earlier one."""
    on_path = b"/" in glob
    glob = glob.removeprefix(b"/")
    literal = _literal_length(glob)
    for table in tables:
        if literal == len(glob):
            (table.paths if on_path else table.names)[glob] = index
        elif on_path:
            # Git compares the literal start first and gives only the rest to wildmatch. That shows:
            # the `**` of `a**/b` then stands at the start of a pattern, where it does cross directories.
            _append(table.path_globs, index, re.escape(glob[:literal]), glob[literal:])
        elif glob.startswith(b"*.") and _literal_length(glob[1:]) == len(glob) - 1 and glob.count(b".") == 1:
            table.suffixes[glob[1:]] = index
        else:
            _append(table.name_globs, index, b"", glob)


def _append(globs: list[tuple[int, bytes]], index: int, start: bytes, glob: bytes) -> None:
    rest = _expression(glob)
    if rest is not None:
        globs.append((index, b"(?s:" + start + rest + b")"))


def _gate(globs: Sequence[tuple[int, bytes]]) -> tuple[Match, Sequence[tuple[int, Match]]] | None:
    """Return one matcher for all the globs, and each of them, the last line first."""
    if not globs:
        return None
    each = [(index, re.compile(expression).match) for index, expression in reversed(globs)]
    return re.compile(b"|".join(expression for _, expression in globs)).match, each


def _literal_length(glob: bytes) -> int:
    return next((i for i, code in enumerate(glob) if code in _SPECIAL), len(glob))


def _expression(glob: bytes) -> bytes | None:
    """Translate a glob to a regular expression that matches all of a path, or None if nothing can match.

    Each star is an atomic group that runs lazily up to the end of what follows it, as far as the next star.
    The first place where that fits is as good as any later one, since the next star takes up the slack; so
    there is nothing to come back for. Groups of `*` nest in the group of the `**` before them, because what
    lies between two `**` has to fit within as many directories as it has slashes, from one start.
    """
    out: list[bytes] = []
    in_star = in_globstar = False
    i = 0
    while i < len(glob):
        if glob[i : i + 1] == b"*":
            end = i
            while glob[end : end + 1] == b"*":
                end += 1
            after = glob[end : end + 2]
            opening = b"(?>[^/]*?"
            crosses = end - i > 1 and (i == 0 or glob[i - 1 : i] == b"/")
            if crosses and (not after or after.startswith(b"/") or after == b"\\/"):
                out.append(b")" * (in_star + in_globstar))
                in_star, in_globstar = False, True
                opening = b"(?>(?:.*?/)??" if after.startswith(b"/") else b"(?>.*?"
                end += after.startswith(b"/")
            else:
                out.append(b")" * in_star)
                in_star = True
            out.append(opening)
            i = end
            continue
        piece, i = _one(glob, i)
        if piece is None:
            return None
        out.append(piece)
    return b"".join(out) + rb"\Z" + b")" * (in_star + in_globstar)


def _one(glob: bytes, i: int) -> tuple[bytes | None, int]:
    """Translate what matches one byte at `i`, and return where the next piece starts."""
    char = glob[i : i + 1]
    if char == b"?":
        return b"[^/]", i + 1
    if char == b"[":
        return _bracket(glob, i + 1)
    if char == b"\\":
        char = glob[i + 1 : i + 2]
        return (re.escape(char) if char else None), i + 2
    return re.escape(char), i + 1


def _bracket(glob: bytes, i: int) -> tuple[bytes | None, int]:
    """Translate a class whose first byte after `[` is at `i`; None if it is malformed or matches nothing."""
    negated = glob[i : i + 1] in (b"!", b"^") and i < len(glob)
    i += negated
    members: set[int] = set()
    previous = -1
    first = True
    while first or glob[i : i + 1] != b"]":
        first = False
        if i >= len(glob):
            return None, i
        code = glob[i]
        if code == 0x2D and previous > 0 and glob[i + 1 : i + 2] not in (b"", b"]"):
            i += 2 if glob[i + 1 : i + 2] == b"\\" else 1
            if i >= len(glob):
                return None, i
            members.update(range(previous, glob[i] + 1))
            previous = -1
        elif glob[i : i + 2] == b"[:":
            close = glob.find(b"]", i + 2)
            if close < 0:
                return None, i
            if close > i + 2 and glob[close - 1 : close] == b":":
                known = _CLASSES.get(glob[i + 2 : close - 1])
                if known is None:
                    return None, i
                members |= known
                previous, i = -1, close
            else:
                members.add(code)
                previous = code
        else:
            if code == 0x5C:
                i += 1
                if i >= len(glob):
                    return None, i
                code = glob[i]
            members.add(code)
            previous = code
        i += 1
    matching = [code for code in range(256) if (code in members) != negated and code != 0x2F]
    return (b"[" + b"".join(rb"\x%02x" % code for code in matching) + b"]" if matching else None), i + 1
