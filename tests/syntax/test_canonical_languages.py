"""The canonical tree in the languages beside the six: the same outlines where they can say the same, else their own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek.syntax.canonical import CanonicalKind, CanonicalTree, complexities, lower, mapped, tables
from treeseek.syntax.canonical.lowering import _held, kinds_of
from treeseek.syntax.canonical.tables import TRANSPARENT
from treeseek.syntax.columns import parse_tree
from treeseek.syntax.grammars import language_of, vocabulary
from treeseek.syntax.tree import SyntaxTree

SHARED = Path(__file__).parent / "golden" / "canonical"
OWN = SHARED / "languages"
LANGUAGES = (
    "c", "cpp", "csharp", "ruby", "php", "kotlin", "scala", "swift", "lua", "bash", "elixir", "haskell", "zig",
)  # fmt: skip
PROGRAMS = sorted(path.name for path in OWN.iterdir() if path.suffix != ".outline")

DECLARED = (CanonicalKind.FUNCTION, CanonicalKind.METHOD)


def parsed(source: str | bytes, language: str) -> SyntaxTree:
    data = source.encode() if isinstance(source, str) else source
    tree = parse_tree(data, language, deadline_seconds=10)
    assert tree is not None
    return tree


def outline(source: str, language: str) -> list[str]:
    return lower(parsed(source, language)).outline(types=False).splitlines()


def expected(program: str) -> str:
    """Return a program's outline: its own if it has one, else that of all languages."""
    own = OWN / f"{program}.outline"
    path = own if own.is_file() else SHARED / f"{program.partition('.')[0]}.outline"
    return path.read_text(encoding="utf-8")


# -- programs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_lowers_to_its_outline(program: str) -> None:
    tree = parsed((OWN / program).read_bytes(), program.partition(".")[2])
    assert not tree.has_errors
    assert lower(tree).outline(types=False) == expected(program)
    assert mapped(tree).kinds == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_programs_and_its_own_declarations(language: str) -> None:
    names = {program.partition(".")[0] for program in PROGRAMS if program.endswith(f".{language}")}
    assert "declarations" in names
    assert len(names) >= 3


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"bash", "elixir", "haskell"}))
def test_most_programs_are_the_same_in_every_language(language: str) -> None:
    shared = [
        program
        for program in PROGRAMS
        if program.endswith(f".{language}") and not (OWN / f"{program}.outline").is_file()
    ]
    assert len(shared) >= 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_declared_has_its_name(language: str) -> None:
    lines = expected(f"declarations.{language}").splitlines()
    kinds = ("FUNCTION", "METHOD", "CLASS", "INTERFACE", "ENUM", "ENUM_MEMBER")
    nameless = [line for line in lines if line.strip() in kinds]
    assert nameless == []


# -- rules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "language", "line"),
    [
        ("/** a */ int b;", "c", "DOC_COMMENT 'a'"),
        ("/* a */ int b;", "c", "BLOCK_COMMENT 'a'"),
        ("//! a\nint b;", "cpp", "DOC_COMMENT 'a'"),
        ("/// a\nclass B {}", "csharp", "DOC_COMMENT 'a'"),
        ("# a\ndef b; end", "ruby", "DOC_COMMENT 'a'"),
        ("# a\n\ndef b; end", "ruby", "LINE_COMMENT 'a'"),
        ("=begin\na\n=end\n", "ruby", "BLOCK_COMMENT '=begin a =end'"),
        ("<?php /** a */ function b() {}", "php", "DOC_COMMENT 'a'"),
        ("<?php # a", "php", "LINE_COMMENT 'a'"),
        ("/** a */ fun b() {}", "kotlin", "DOC_COMMENT 'a'"),
        ("/* a */ val b = 1", "scala", "BLOCK_COMMENT 'a'"),
        ("/** a */ class B", "scala", "DOC_COMMENT 'a'"),
        ("/// a\nfunc b() {}", "swift", "DOC_COMMENT 'a'"),
        ("/* a */ func b() {}", "swift", "BLOCK_COMMENT 'a'"),
        ("--- a\nlocal b = 1", "lua", "DOC_COMMENT 'a'"),
        ("--[==[ a ]==]\nlocal b = 1", "lua", "BLOCK_COMMENT 'a'"),
        ("# a\nb() { c; }", "bash", "DOC_COMMENT 'a'"),
        ("# a\nb c", "bash", "LINE_COMMENT 'a'"),
        ('defmodule B do\n @doc "a"\n def b, do: 1\nend', "elixir", "DOC_COMMENT 'a'"),
        ('defmodule B do\n @doc ~S"""\n a\n """\n def b, do: 1\nend', "elixir", "DOC_COMMENT 'a'"),
        ("# a", "elixir", "LINE_COMMENT 'a'"),
        ("-- | a\nb = 1", "haskell", "DOC_COMMENT 'a'"),
        ("-- a\nb = 1", "haskell", "LINE_COMMENT 'a'"),
        ("{- a -}\nb = 1", "haskell", "BLOCK_COMMENT 'a'"),
        ("/// a\nconst b = 1;", "zig", "DOC_COMMENT 'a'"),
        ("//// a\nconst b = 1;", "zig", "LINE_COMMENT 'a'"),
    ],
)
def test_comments_are_told_apart(source: str, language: str, line: str) -> None:
    assert line in [found.strip() for found in outline(source, language)]


@pytest.mark.parametrize(
    ("source", "language"),
    [
        ("void f() { if (a) b(); else c(); }", "c"),
        ("void f() { if (a) b(); else c(); }", "cpp"),
        ("void f() { if (a) b(); else c(); }", "csharp"),
        ("def f()\n if a\n  b()\n else\n  c()\n end\nend", "ruby"),
        ("<?php function f() { if ($a) b(); else c(); }", "php"),
        ("fun f() { if (a) b() else c() }", "kotlin"),
        ("def f() = { if (a) b() else c() }", "scala"),
        ("func f() { if a { b() } else { c() } }", "swift"),
        ("function f() if a then b() else c() end end", "lua"),
        ("fn f() void { if (a) b() else c(); }", "zig"),
    ],
)
def test_braces_or_none_are_the_same(source: str, language: str) -> None:
    assert outline(source, language) == [
        "MODULE", "  FUNCTION f", "    PARAMETERS", "    BLOCK", "      IF", "        NAME a", "        BLOCK",
        "          CALL b", "            ARGUMENTS", "        ELSE", "          CALL c", "            ARGUMENTS",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "language", "line"),
    [
        ("int *(*f)(int);", "c", "VARIABLE f"),
        ("char **f(void);", "c", "FUNCTION f"),
        ("int f(void) {}", "c", "PARAMETER"),
        ("struct A { ~A(); };", "cpp", "METHOD ~A"),
        ("struct A { bool operator<(A b); };", "cpp", "METHOD operator<"),
        ("class A { int by; }", "csharp", "FIELD by"),
        ("class A { int B { get { return 1; } } }", "csharp", "METHOD get"),
        ("def self.a\nend", "ruby", "METHOD a"),
        ("def a=(b)\nend", "ruby", "FUNCTION a="),
        ("<?php $a = 1;", "php", "VARIABLE a"),
        ("<?php function f(int $a) { $a = 1; }", "php", "ASSIGNMENT ="),
        ("fun A.f() = 1", "kotlin", "FUNCTION f"),
        ("val a = b xor c", "kotlin", "BINARY ^"),
        ("val a = b max c", "scala", "BINARY max"),
        ("object A { def f = 1 }", "scala", "METHOD f"),
        ("extension A { func f() {} }", "swift", "METHOD f"),
        ("protocol A { func f() }", "swift", "METHOD f"),
        ("let a = 1, b = 2", "swift", "VARIABLE b"),
        ("func == (a: A, b: A) -> Bool { return a }", "swift", "FUNCTION =="),
        ("function M:f() end", "lua", "METHOD f"),
        ("function M.f() end", "lua", "FUNCTION f"),
        ("local a <const> = 1", "lua", "CONSTANT a"),
        ("function f { a; }", "bash", "FUNCTION f"),
        ("local a=1 b=2", "bash", "VARIABLE b"),
        ("def f(a) when a > 1, do: a", "elixir", "FUNCTION f"),
        ("defp f, do: a", "elixir", "FUNCTION f"),
        ("defmodule A.B do\nend", "elixir", "NAMESPACE A.B"),
        ("instance A B where\n  f x = 1", "haskell", "METHOD f"),
        ("f x = 1", "haskell", "FUNCTION f"),
        ("a <> b = 1", "haskell", "FUNCTION <>"),
        ("a `plus` b = 1", "haskell", "FUNCTION plus"),
        ("const A = struct { fn f() void {} };", "zig", "METHOD f"),
        ("const A = enum { b };", "zig", "ENUM A"),
        ('test "a b" {}', "zig", "FUNCTION a b"),
        ('fn @"a b"() void {}', "zig", 'FUNCTION @"a b"'),
    ],
)
def test_declarations_have_their_kind_and_name(source: str, language: str, line: str) -> None:
    assert line in [found.strip() for found in outline(source, language)]


# -- tables ------------------------------------------------------------------------------------------------------


def written(language: str) -> dict[str, Any]:
    text = (files("treeseek.syntax.canonical") / "tables" / f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def rules_of(language: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = written(language).get("rule", [])
    return rules


def words(rule: dict[str, Any]) -> Iterator[str]:
    for name in ("of", "parent", "has", "several", "first", "after", "before", "until"):
        value = rule.get(name, "")
        for text in [value] if isinstance(value, str) else value:
            for path in text.split():
                yield from [path] if path in ("/", "/=") else path.split("/")


@pytest.mark.parametrize("language", LANGUAGES)
def test_rules_speak_of_kinds_that_the_grammar_has(language: str) -> None:
    grammar = language_of(language)
    known = {*vocabulary(language).kinds, *(grammar.node_kind_for_id(n) for n in range(grammar.node_kind_count))}
    if language == "c":  # what C++ inherits may be of C++ only
        known |= set(vocabulary("cpp").kinds)
    groups = written(language).get("groups", {})
    known |= {f"@{name}" for name in groups}
    spoken = {word for rule in rules_of(language) for word in words(rule)}
    spoken |= {word for group in groups.values() for word in group.split()}
    assert spoken - known - {""} == set()


def outline_by(rule: str, source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the outline of JavaScript by its own table and one rule more."""
    for name in ("common", "javascript"):
        (folder / f"{name}.toml").write_text((tables._FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    with (folder / "javascript.toml").open("a", encoding="utf-8") as table:
        table.write(f"\n[[rule]]\n{rule}\n")
    with monkeypatch.context() as patched:
        patched.setattr(tables, "_FOLDER", folder)
        tables._merged.cache_clear()
        tables.table.cache_clear()
        try:
            return outline(source, "javascript")
        finally:
            tables._merged.cache_clear()
            tables.table.cache_clear()


@pytest.mark.parametrize(
    ("rule", "source", "lines"),
    [
        ('of = "number"\nafter = ","\nas = "null"', "[1, 2]", ["LIST", "NUMBER 1", "NULL"]),
        ('of = "number"\nafter = "]"\nas = "null"', "[[1], 2]", ["LIST", "LIST", "NUMBER 1", "NUMBER 2"]),
        ('of = "expression_statement"\nafter = ")"\nas = "try"', "if (a) 1", ["IF", "NAME a", "BLOCK", "NUMBER 1"]),
        ('of = "number"\nbefore = ","\nas = "null"', "[1, 2]", ["LIST", "NULL", "NUMBER 2"]),
        ('of = "number"\nbefore = "]"\nas = "null"', "[[1, 2], 3]", ["LIST", "LIST", "NUMBER 1", "NULL", "NULL"]),
        ('of = "number"\nbefore = ","\nas = "null"', "[-1, 2]", ["LIST", "UNARY -", "NUMBER 1", "NUMBER 2"]),
        ('of = "["\nas = "try"\nuntil = ","', "[1, 2]", ["LIST", "TRY", "NUMBER 1", "NUMBER 2"]),
        ('of = ","\nas = "try"\nuntil = ""', "[1, 2, 3]", ["LIST", "NUMBER 1", "TRY", "NUMBER 2", "TRY", "NUMBER 3"]),
        ('of = "identifier"\nparent = "array"\nnames = true', "[1, a]", ["LIST a", "NUMBER 1"]),
    ],
)
def test_what_rules_ask_of_siblings_and_do_with_them(
    rule: str, source: str, lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [line.strip() for line in outline_by(rule, source, tmp_path, monkeypatch)[1:]] == lines


def test_what_a_token_opens_is_inside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = outline_by('of = "["\nas = "try"\nuntil = ","', "[1, 2]", tmp_path, monkeypatch)
    assert lines == ["MODULE", "  LIST", "    TRY", "      NUMBER 1", "    NUMBER 2"]


def test_what_holds_siblings_ends_with_what_it_is_in() -> None:
    tree = parsed("[1, a, 'b', true]", "javascript")
    number, name, text, _ = (int(tree.by_kind(kind)[0]) for kind in ("number", "identifier", "string", "true"))
    rules = tables.table("javascript")
    kinds = np.full(len(tree), CanonicalKind.LIST, np.uint8)
    until = [np.array([kind == wanted for kind in tree.vocabulary.kinds]) for wanted in ("string", "true")]
    assert _held(tree, rules, kinds, [(np.array([number]), until[0]), (np.array([name]), until[1])]) == {
        number: text, name: text,
    }  # fmt: skip


def hostile_lines(pattern: str) -> Iterator[bytes]:
    """Yield long lines that begin as a pattern wants them to, and never end as it does."""
    literal = re.sub(r"\\[a-zA-Z]|[()|*+?\[\]^]", " ", pattern.replace("(?:", " ").replace("(?!", " "))
    beginnings = {"", *literal.replace("\\", "").split()}
    for beginning in beginnings:
        for unit in (" ", "a", "a ", "  a", "\t\n", "_", "const ", "= ", ";", beginning or "-", f"{beginning} "):
            yield (beginning + " " + unit * (100_000 // len(unit))).encode()


PATTERNS = sorted({rule["match"] for language in LANGUAGES for rule in rules_of(language) if "match" in rule})


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_text_makes_a_pattern_slow(pattern: str) -> None:
    """What takes more than linear time doesn't come back from 100 KB."""
    compiled = re.compile(pattern.encode())
    for line in hostile_lines(pattern):
        compiled.match(line, 0, len(line))


# -- every text lowers -------------------------------------------------------------------------------------------

TEXTS = {program: (OWN / program).read_bytes() for program in PROGRAMS}
NOISE = (b"", b"(", b")", b"{", b"}", b"[", b"else", b"=", b",", b"=>", b"do", b"end", b"then", b'"', b"\x00", b"\xff")


def check_columns(tree: CanonicalTree) -> None:
    """Sizes and depths tell of one and the same tree over rows in order."""
    assert len(tree) and tree.size[0] == len(tree) and tree.depth[0] == 0
    stack: list[int] = []
    for at, end in enumerate((np.arange(len(tree)) + tree.size).tolist()):
        while stack and at >= stack[-1]:
            stack.pop()
        assert len(stack) == tree.depth[at]
        assert at < end and (not stack or end <= stack[-1])
        stack.append(end)
    assert TRANSPARENT not in tree.kind


@settings(max_examples=150, deadline=None)
@given(
    program=st.sampled_from(PROGRAMS),
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(NOISE)), min_size=1, max_size=4
    ),
)  # fmt: skip
def test_broken_programs_lower_too(program: str, cuts: list[tuple[float, int, bytes]]) -> None:
    data = TEXTS[program]
    for share, length, noise in cuts:
        at = int(share * len(data))
        data = data[:at] + noise + data[at + length :]
    tree = parsed(data, program.partition(".")[2])
    canonical = lower(tree)
    check_columns(canonical)
    assert canonical.outline().count("\n") >= len(canonical)
    assert (complexities(tree, np.arange(len(tree))) >= 1).all()


# -- complexity --------------------------------------------------------------------------------------------------

SWITCH = "switch (a) { case 1: g(); break; case 2: h(); break; default: i(); }"


@pytest.mark.parametrize(
    ("source", "language", "expected_counts"),
    [
        (
            "int f(int a) { if (a && b) g(); else if (a || c) h(); else i(); while (a) { a--; } "
            + SWITCH + " return a ? 1 : 2; }", "c", [9],
        ),
        ("int f(int a) { do { a & b; } while (a); for (;;) { goto end; } end: return a | b; }", "c", [3]),
        (
            "int f(int a) { if (a and b) g(); else if (a || c) h(); else i(); for (auto x : y) g(); "
            "try { g(); } catch (A& b) { h(); } auto k = [](int z) { return z && z; }; " + SWITCH
            + " return a ? 1 : 2; }", "cpp", [11],
        ),
        (
            "class A { int F(int a) { if (a && b) G(); else if (a || c) H(); else I(); foreach (var x in y) { } "
            + SWITCH + " return a > 1 ? b switch { 1 => 2, 3 => 4, _ => 5 } : c ?? d; } int G() => a ? 1 : 2; }",
            "csharp", [11, 2],
        ),
        (
            "def f(a)\n if a && b\n  g\n elsif a or c\n  h\n else\n  i\n end\n until a\n  g\n end\n"
            " case a\n when 1 then g\n when 2, 3 then h\n else i\n end\n return 1 unless a\n a ? 1 : 2\n"
            "rescue E\n g\nend", "ruby", [11],
        ),
        (
            "<?php function f($a) { if ($a && $b) g(); elseif ($a or $c) h(); else i(); foreach ($a as $b) g(); "
            "switch ($a) { case 1: g(); break; case 2: h(); break; default: i(); } "
            "$m = match ($a) { 1 => 2, default => 3 }; return $a ? 1 : 2; }", "php", [10],
        ),
        (
            "fun f(a: Int): Int { if (a && b) g() else if (a || c) h() else i()\n for (x in y) g()\n"
            " when (a) { 1 -> g()\n 2, 3 -> h()\n else -> i() }\n val z = b ?: c\n return if (a) 1 else 2 }",
            "kotlin", [9],
        ),
        (
            "def f(a: Int) = { if (a && b) g() else if (a || c) h() else i()\n while (a) g()\n"
            " a match { case 1 => g()\n case 2 => h()\n case _ => i() }\n"
            " try g() catch { case e: E => h()\n case e: F => i() }\n if (a) 1 else 2 }", "scala", [11],
        ),
        (
            "func f(a: Int) -> Int { guard a > 1 else { return 1 }\n if a && b { g() } else if a || c { h() } "
            "else { i() }\n for x in y { g() }\n switch a { case 1: g()\n case 2, 3: h()\n default: i() }\n"
            " return a ? 1 : 2 }", "swift", [10],
        ),
        (
            "function f(a) if a and b then g() elseif a or c then h() else i() end while a do g() end "
            "for j = 1, 3 do g() end repeat g() until a return a and 1 or 2 end", "lua", [10],
        ),
        (
            'f() {\n if [[ $a -lt 1 && -n $b ]]; then g; elif [ $a ] || h; then h; else i; fi\n'
            ' while read -r x; do g; done < file\n case $a in\n 1) g ;;\n 2|3) h ;;\n *) i ;;\n esac\n a && b | c\n}',
            "bash", [9],
        ),
        (
            "def f(a) do\n if a && b do\n  g()\n else\n  h()\n end\n unless a or c, do: i()\n case a do\n"
            "  1 -> g()\n  n when n > 2 -> h()\n  _ -> i()\n end\n cond do\n  a -> g()\n  true -> h()\n end\n"
            " for x <- y, do: x\n try do\n  g()\n rescue\n  e in E -> h()\n end\nend", "elixir", [10],
        ),
        (
            "f a\n  | a && b = g\n  | a || c = if a then h else i\n  | otherwise = case a of\n"
            "      1 -> g\n      2 -> h\n      _ -> i\n", "haskell", [8],
        ),
        (
            "fn f(a: i32) i32 { if (a and b) g() else if (a or c) { h(); } else { i(); } while (a) : (a += 1) g(); "
            "for (y) |x| { g(x); } switch (a) { 1 => g(), 2, 3 => h(), else => i() } "
            "const z = d() catch 1; return if (a) 1 else 2; }", "zig", [11],
        ),
    ],
)  # fmt: skip
def test_decisions_counted_by_hand(source: str, language: str, expected_counts: list[int]) -> None:
    tree = parsed(source, language)
    assert not tree.has_errors
    rows = np.flatnonzero(np.isin(kinds_of(tree), DECLARED))
    assert complexities(tree, rows).tolist() == expected_counts
