"""The canonical tree: the same for the same program in six languages, total, and counted right."""

from __future__ import annotations

import tomllib
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek.syntax.canonical import CanonicalKind, CanonicalTree, complexities, lower, mapped
from treeseek.syntax.canonical.tables import ASKS, TRANSPARENT, languages, table
from treeseek.syntax.canonical.values import comment_text, number, string_text
from treeseek.syntax.columns import parse_tree
from treeseek.syntax.grammars import language_of, vocabulary
from treeseek.syntax.tree import SyntaxTree

PROGRAMS = Path(__file__).parent / "golden" / "canonical"
SIX = ("rust", "javascript", "typescript", "python", "go", "java")
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.outline"))


def parsed(source: str | bytes, language: str) -> SyntaxTree:
    data = source.encode() if isinstance(source, str) else source
    tree = parse_tree(data, language, deadline_seconds=10)
    assert tree is not None
    return tree


def outline(source: str, language: str, *, types: bool = True) -> str:
    return lower(parsed(source, language)).outline(types=types)


# -- one program, one tree ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", SIX)
@pytest.mark.parametrize("name", NAMES)
def test_a_program_lowers_to_its_outline_in_every_language(name: str, language: str) -> None:
    tree = parsed((PROGRAMS / f"{name}.{language}").read_bytes(), language)
    assert not tree.has_errors
    assert lower(tree).outline(types=False) == (PROGRAMS / f"{name}.outline").read_text(encoding="utf-8")


def test_there_are_programs() -> None:
    assert len(NAMES) >= 6


def test_layout_and_parentheses_do_not_matter_but_names_and_operators_do() -> None:
    tree = lower(parsed("function f(a) { return a + 1; }", "javascript"))
    assert tree == lower(parsed("function f( a )\n{\n  return (a + 1)\n}\n", "javascript"))
    assert tree != lower(parsed("function f(a) { return b + 1; }", "javascript"))
    assert tree != lower(parsed("function f(a) { return a - 1; }", "javascript"))


def test_types_stay_unless_left_out() -> None:
    source = "fn f(a: u8) -> Vec<u8> { g(a) }"
    assert "TYPE u8" in outline(source, "rust")
    assert "TYPE" not in outline(source, "rust", types=False)


# -- rules -------------------------------------------------------------------------------------------------------


def test_an_elif_holds_what_follows_it() -> None:
    lines = outline("if a:\n    b()\nelif c:\n    d()\nelse:\n    e()\nf()\n", "python").splitlines()
    assert lines == [
        "MODULE", "  IF", "    NAME a", "    BLOCK", "      CALL b", "        ARGUMENTS", "    IF", "      NAME c",
        "      BLOCK", "        CALL d", "          ARGUMENTS", "      ELSE", "        CALL e", "          ARGUMENTS",
        "  CALL f", "    ARGUMENTS",
    ]  # fmt: skip


def test_what_a_rust_body_ends_with_is_returned_unless_a_semicolon_follows() -> None:
    assert "RETURN" in outline("fn f() -> u8 { 1 }", "rust")
    assert "RETURN" not in outline("fn f() { g(); }", "rust")


def test_a_name_is_declared_once_per_scope_in_python() -> None:
    kinds = Counter(
        line.strip().split()[0]
        for line in outline(
            "LIMIT = 1\nx = 1\nx = 2\ndef f(y):\n    x = 1\n    y = x\n    x = 2\n", "python"
        ).splitlines()
    )
    assert (kinds["CONSTANT"], kinds["VARIABLE"], kinds["ASSIGNMENT"]) == (1, 2, 3)


def test_each_declared_name_is_a_node() -> None:
    assert outline("let a = 1, b;", "javascript") == "MODULE\n  VARIABLE a\n    NUMBER 1\n  VARIABLE b\n"
    assert outline("func f(a, b int) {}", "go", types=False).count("PARAMETER ") == 2
    fields = outline("class A { int a, b = 1; static final int C = 1, D = 2; }", "java", types=False)
    assert [line.split()[1] for line in fields.splitlines() if " FIELD " in line] == ["a", "b"]
    assert [line.split()[1] for line in fields.splitlines() if " CONSTANT " in line] == ["C", "D"]


def test_a_call_is_named_by_what_it_calls() -> None:
    for source, language in (("a.b(c)", "python"), ("a.b(c);", "java"), ("a.b::<T>(c);", "rust")):
        assert "CALL b\n    NAME a\n" in outline(source, language, types=False)


@pytest.mark.parametrize(
    ("source", "language", "kind"),
    [
        ("/// a\nfn f() {}", "rust", "DOC_COMMENT"),
        ("//! a\n", "rust", "DOC_COMMENT"),
        ("//// a\nfn f() {}", "rust", "LINE_COMMENT"),
        ("/** a */ let b;", "javascript", "DOC_COMMENT"),
        ("/* a */ let b;", "javascript", "BLOCK_COMMENT"),
        ("/***\n * a */ let b;", "javascript", "BLOCK_COMMENT"),
        ("// a", "typescript", "LINE_COMMENT"),
        ("# a", "python", "LINE_COMMENT"),
        ("#: a\nb = 1", "python", "DOC_COMMENT"),
        ("'''a'''\nb = 1", "python", "DOC_COMMENT"),
        ("# b\n'a'\n", "python", "DOC_COMMENT"),
        ("def f():\n    'a'\n", "python", "DOC_COMMENT"),
        ("b = 1\n'a'\n", "python", "STRING"),
        ("/** a */ class B {}", "java", "DOC_COMMENT"),
        ("package b\n// a\n// c\nfunc f() {}", "go", "DOC_COMMENT"),
        ("package b\n// a\n\nfunc f() {}", "go", "LINE_COMMENT"),
        ("package b\nfunc f() {\n\t// a\n\tg()\n}", "go", "LINE_COMMENT"),
    ],
)
def test_comments_are_told_apart(source: str, language: str, kind: str) -> None:
    assert f"{kind} 'a'" in outline(source, language)


def test_values_read_the_same_in_every_language() -> None:
    assert [number(text) for text in ("1_000", "10i32", "0xFF", "0xFFu8", "10L", "2.5f", "1E3")] == [
        "1000", "10", "0xff", "0xff", "10", "2.5", "1e3",
    ]  # fmt: skip
    assert {string_text(text) for text in ('"a"', "'a'", "`a`", '"""a"""', 'r#"a"#', "f'a'")} == {"a"}
    assert comment_text("/**\n * a\n * b\n */") == "a b"
    assert "BOOLEAN true" in outline("x = True", "python")
    assert outline("x = None", "python").endswith("NULL\n") and outline("var x = nil", "go").endswith("NULL\n")


# -- tables ------------------------------------------------------------------------------------------------------


def named_kinds(language: str) -> set[str]:
    grammar = language_of(language)
    return {
        grammar.node_kind_for_id(number) or ""
        for number in range(grammar.node_kind_count)
        if grammar.node_kind_is_named(number) and grammar.node_kind_is_visible(number)
    }


@pytest.mark.parametrize("language", languages())
def test_every_kind_of_a_grammar_is_mapped(language: str) -> None:
    grammar = vocabulary(language)
    kinds = dict(zip(grammar.kinds, table(language).kinds.tolist(), strict=True))
    mapped_names = {
        name for number, name in enumerate(grammar.kinds) if table(language).kinds[number] and grammar.named[number]
    }
    assert kinds["ERROR"] == CanonicalKind.ERROR
    assert named_kinds(language) - mapped_names == set()


@pytest.mark.parametrize("language", languages())
def test_a_table_speaks_of_kinds_and_fields_that_the_grammar_has_and_of_each_once(language: str) -> None:
    text = (files("treeseek.syntax.canonical") / "tables" / f"{language}.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)
    names = " ".join((*rows.get("kinds", {}).values(), rows.get("transparent", {}).get("kinds", ""))).split()
    known = named_kinds(language)
    if language != "typescript" and "inherits" not in rows:
        assert set(names) <= known
    assert [name for name, count in Counter(names).items() if count > 1] == []
    for rule in rows.get("rule", []):
        assert set(rule) <= {"of", "as", "wrap", "until", "names", *ASKS}
        assert set(rule.get("field", "").split()) <= set(vocabulary(language).fields)


def test_numbers_of_kinds_are_distinct_and_below_transparent() -> None:
    assert max(CanonicalKind) < TRANSPARENT


def test_what_no_table_knows_is_counted() -> None:
    tree = parsed("fn f() {}", "rust")
    counts = mapped(tree)
    assert (counts.unknown, counts.kinds) == (0, Counter())
    assert counts.named == int((tree.flags & 1).sum())


def test_a_language_without_a_table_has_the_common_one_and_the_rest_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from treeseek.syntax.canonical import tables

    monkeypatch.setattr(tables, "_FOLDER", Path("/nonexistent"))
    tables._merged.cache_clear()
    tables.table.cache_clear()
    try:
        counts = mapped(parsed("fn f() {}", "rust"))
    finally:
        tables._merged.cache_clear()
        tables.table.cache_clear()
    assert counts.kinds["function_item"] == 1


# -- every text lowers -------------------------------------------------------------------------------------------

PIECES = [piece for path in sorted(PROGRAMS.glob("*.*")) for piece in path.read_bytes().split(b" ")]


def check_columns(tree: CanonicalTree) -> None:
    """Sizes and depths tell of one and the same tree over rows in order."""
    assert len(tree) and tree.size[0] == len(tree) and tree.depth[0] == 0
    ends = np.arange(len(tree)) + tree.size
    stack: list[int] = []
    for at, end in enumerate(ends.tolist()):
        while stack and at >= stack[-1]:
            stack.pop()
        assert len(stack) == tree.depth[at]
        assert not stack or end <= stack[-1]
        stack.append(end)
    assert (np.diff(tree.node) >= 0).all()
    assert TRANSPARENT not in tree.kind
    with pytest.raises(ValueError, match="read-only"):
        tree.kind[0] = 0


@settings(max_examples=150, deadline=None)
@given(
    language=st.sampled_from(languages()),
    data=st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map(b" ".join)),
)
def test_any_text_lowers_in_any_language(language: str, data: bytes) -> None:
    tree = parsed(data, language)
    canonical = lower(tree)
    check_columns(canonical)
    assert canonical.outline().count("\n") >= len(canonical) > 0
    assert canonical == lower(tree)
    rows = np.arange(len(tree))
    assert (complexities(tree, rows) >= 1).all()
    kind, field, flags, start, end, size = tree.columns
    bare = SyntaxTree(
        language, tree.vocabulary, kind=kind, field=field, flags=flags, start=start, end=end, size=size
    )  # fmt: skip
    check_columns(lower(bare))


def test_errors_are_errors() -> None:
    assert "ERROR" in outline("def f(:\n  ) = class", "python")


# -- complexity --------------------------------------------------------------------------------------------------

DECLARATIONS = (
    "function_definition",
    "function_declaration",
    "method_declaration",
    "function_item",
    "method_definition",
)

PYTHON = """\
def straight(a):
    b = a + 1
    return b

def forks(a, b):
    if a and b or not a:
        return 1
    elif a | b:
        return 2
    else:
        return 3 if a else 4

def loops(rows):
    for row in rows:
        while row:
            row -= 1
            if row == 3:
                break
    return [cell for row in rows if row for cell in row if cell]

def handles(path):
    try:
        read(path)
    except ValueError:
        return None
    except (OSError, KeyError):
        return 0
    finally:
        close(path)

def chooses(value):
    match value:
        case 1:
            return "one"
        case 2 | 3:
            return "few"
        case _:
            return "many"
"""


def of(source: str, language: str) -> list[int]:
    tree = parsed(source, language)
    assert not tree.has_errors
    return complexities(tree, tree.by_kind(*DECLARATIONS)).tolist()


def test_python_is_counted_as_radon_counts() -> None:
    """The numbers are what radon 6 says of the same functions."""
    assert of(PYTHON, "python") == [1, 6, 8, 3, 3]


@pytest.mark.parametrize(
    ("source", "language", "expected"),
    [
        ("fn f(a: bool) -> u8 { if a && b { 1 } else if c { 2 } else { 3 } }", "rust", 4),
        ("fn f(a: u8) { match a { 1 => g(), 2 if b => h(), _ => {} } }", "rust", 3),
        ("fn f(a: &&u8) { loop { if let Some(x) = a && y | z { break; } } a.map(|x| while x {}); }", "rust", 5),
        ("function f(a) { for (const b of a) if (b || c) return a ? 1 : 2; }", "javascript", 5),
        ("function f(a) { switch (a) { case 1: case 2: b(); default: c(); } }", "javascript", 3),
        ("function f(a) { a?.b ?? c; try { d() } catch (e) { g(() => e && e) } finally { h() } }", "javascript", 3),
        ("function f(a: A): a is B { do { a = <B>a } while (a && 1 & 2); return true }", "typescript", 3),
        ("func f() { for a := range b { if a, ok := c(); ok && d { continue } } }", "go", 4),
        ("func f() { select { case <-a: b() \n case c <- d: e() \n default: g() } ; for { } }", "go", 4),
        ("func f(a any) { switch a.(type) { case int: b() \n case string, bool: c() } }", "go", 3),
        ("void f() { for (int i = 0; i < 3 || b; i++) { } for (A a : b) { } }", "java", 4),
        ("int f(int a) { return switch (a) { case 1, 2 -> 3; default -> a > 1 ? 4 : 5; }; }", "java", 3),
    ],
)  # fmt: skip
def test_decisions_counted_by_hand(source: str, language: str, expected: int) -> None:
    assert of(source, language) == [expected]


def test_declarations_inside_count_for_themselves_and_lambdas_for_what_they_are_in() -> None:
    source = (
        "def outer(a):\n    if a:\n        def inner(b):\n            while b:\n                b = b or 1\n"
        "        def other(c):\n            def deepest(d):\n                return d if d else c\n"
        "            return deepest\n    return lambda e: e and a\n"
    )
    assert of(source, "python") == [3, 3, 1, 2]
    tree = parsed(source, "python")
    rows = tree.by_kind("function_definition")
    assert complexities(tree, rows[[2, 0, 2]]).tolist() == [2, 5, 2]
    assert complexities(tree, rows[:0]).tolist() == []
