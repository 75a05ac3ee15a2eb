"""Queries over stored trees: tree-sitter's own cursor on the live tree is the oracle."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.resources import files
from random import Random

import numpy as np
import pytest
import tree_sitter
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek.errors import TreeError, TreeMismatchError, UsageError
from treeseek.syntax.columns import to_columns
from treeseek.syntax.grammars import language_of
from treeseek.syntax.pattern import compile_pattern, kinds_of
from treeseek.syntax.tree import SyntaxTree

SOURCES = {
    "python": b'''# first
# second
import os, sys as system
from math import (sin, cos)


@cache
@wraps(first, second=2)
def area(shape, *rest, scale: int = 1, **named) -> float:
    """Return it."""
    if shape.kind == "disc" and rest:
        return sin(scale) * shape.radius ** 2
    elif not rest:
        pass
    else:
        for index, item in enumerate(rest):
            named[index] = [item, *rest, (item, index)]
    return area(area(shape), scale=scale)


class Disc(Shape, metaclass=Meta):
    radius = 1
    # inside
    def grow(self, by): self.radius += by; return self
    x = y = {"a": 1, **b}


print("a", 'b', f"{c!r}", 3, 1.5, True, None)
''',
    "javascript": b"""// top
/* block */ const a = 1, b = "two";
let { c, d: [e] } = f(a, b, ...g);
function plain(x, y = 2, ...z) { if (x) return y; else { throw new Error(`t ${x}`); } }
class Kid extends Parent { static #n = 1; get v() { return this.#n } constructor() { super() } }
export const arrow = async (p) => await p?.q[0](p, "use", 'two');
for (const k of [1, 2, , 3]) { k++; continue }
label: while (true) { break label }
switch (a) { case 1: case 2: b(); default: c() }
""",
    "rust": b"""//! doc
use std::{fmt, io::{self, Read}};
#[derive(Debug, Clone)]
#[allow(unused)]
pub struct Point<T: Copy> { pub x: T, y: i32 }
impl<T> fmt::Display for Point<T> where T: Copy {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { write!(f, "{}", self.x) }
}
enum Kind { A, B(u8, u8), C { z: u8 } }
fn main() { let v = vec![1, 2]; match v.len() { 0 => (), n if n > 1 => run(n, n), _ => { loop { break } } } }
""",
    "go": b"""package main

import ("fmt"; "os")

type Pair[K any] struct { Key, Other K; Value int `tag` }

func (p *Pair[K]) Show(a, b int, c ...string) (int, error) {
	if err := run(); err != nil { return 0, err }
	x, y := 1, "two"
	go func() { defer done(x, y) }()
	switch { case x > 1: fallthrough; default: fmt.Println(x, y) }
	return x, nil
}
""",
    "c": b"""#include <stdio.h>
#define LIMIT 10
typedef struct node { int value, *other; struct node *next; } Node;
static int add(int a, const char *b) { int c = a + 1, d; for (;;) { c--; } return c ? add(c, b) : d; }
int broken( { return 1 }
""",
    "java": b"""package p;
import java.util.*;
@Deprecated public final class Box<T> extends Base implements One, Two {
  private static final int N = 1, M = 2;
  public Box(int a, String... b) throws E { this.a = a; super.run(a, b); }
  int get() { return switch (a) { case 1, 2 -> 3; default -> { yield 4; } }; }
}
""",
    "ruby": b"""# one
class Box < Base
  attr_reader :a, :b
  def self.make(x, y = 1, *rest, k: 2, &blk) = new(x) { |z| z.run(y, *rest) }
  def go; return 1 if a && b; puts "x #{a}", :sym; rescue E => e; raise; end
end
""",
    "typescript": b"""interface A<T> extends B { x?: number; m(a: string, ...b: T[]): void }
enum E { One, Two = 2 }
abstract class C implements A<E> { constructor(private readonly p: number) { super() } abstract q(): string | null }
export type F = { [k in keyof A]: A[k] } & { z: 1 };
namespace N { export function f(this: C, x = <any>y) { return x as E } }
""",
}  # fmt: skip
BROKEN = {
    "python": b"def f(a, b:\n  return (1, 2\nclass : pass\nx = = 3\nfoo(,)\n",
    "javascript": b"function (a { return [1, 2 }\nlet = ; foo(1,, 2\nclass { m( }\n",
    "c": b"int f(int a { return a + ; }\nstruct { int x } y\nint g() { if (a { b(); }\n",
    "go": b"func f( { x := ; return }\nfunc g() { if x { y( } }\n",
}

QUERIES = {
    "python": [
        "(identifier) @name",
        "_ @any",
        "(_) @named",
        '"return" @keyword',
        '["if" "elif" "else" "for"] @keyword',
        "(call function: (identifier) @name) @call",
        "(call function: [(identifier) @name (attribute attribute: (identifier) @name)])",
        "(call arguments: (argument_list (_)* @argument)) @call",
        "(call arguments: (argument_list (_)+ @argument)) @call",
        "(call arguments: (argument_list . (_) @first))",
        "(call arguments: (argument_list (_) @last .))",
        "(call arguments: (argument_list . (_) @only .))",
        "(call arguments: (argument_list (_) @one . (_) @next))",
        "(call arguments: (argument_list (_) @one (_) @later))",
        "(argument_list (keyword_argument)? @keyword . (_) @after)",
        "(argument_list [(string) (integer)]+ @literals)",
        "(argument_list (string) @s (integer)? @i)",
        "(argument_list [(string) @s (_)? @other])",
        "(argument_list _ @token . _ @following)",
        "(function_definition name: (_) @name !return_type) @f",
        "(function_definition name: (_) @name return_type: (_)? @type) @f",
        "(class_definition !superclasses)",
        "(class_definition body: (block (function_definition name: (_) @method)*)) @class",
        "(class_definition name: (_) @c body: (block (_ (function_definition) @deep)?)) @class",
        "(decorated_definition (decorator)+ @decorators definition: (_) @f)",
        "(decorated_definition (decorator (identifier) @d)* definition: (_) @f)",
        "((comment)+ @doc . (import_statement) @i)",
        "((comment)* @doc . (import_statement) @i)",
        "((comment) @a . (comment) @b)",
        "((comment) @a (import_from_statement) @b)",
        "((expression_statement) @a (function_definition)? @b)",
        "(module . (comment) @first)",
        "(module (_) @last .)",
        "(module (comment) @c (import_statement) @i) @m",
        "(_ (integer) @i) @parent",
        "(_ . (identifier) @i) @parent",
        "(_ name: (identifier) @n) @parent",
        "(_ (_ (identifier) @i)) @grand",
        "name: (identifier) @n",
        "[(call) (attribute)] @x @y @z @lost",
        "[(call (identifier) @f) (attribute (identifier) @o)] @x",
        "[(return_statement (_) @r) @s (pass_statement) @p]",
        "(binary_operator left: (_) @l right: (_) @r)",
        '(binary_operator left: (_) @l operator: "*" right: (_) @r)',
        '(assignment left: (_) @l "=" right: (_) @r)',
        "(if_statement condition: (_) @c consequence: (_) @b alternative: (_)* @e)",
        "(if_statement alternative: [(elif_clause) @elif (else_clause) @else])",
        "(parameters (identifier) @p [(typed_default_parameter) (list_splat_pattern)]* @q)",
        "(block . (expression_statement (string) @doc))",
        "(dictionary (pair key: (_) @k value: (_) @v)) @d",
        "(block ((_) @a . (_) @b))",
        "(ERROR) @e (MISSING) @m",
        '(MISSING ")") @m (MISSING identifier) @i',
        "(ERROR (identifier) @i) @e",
        '((identifier) @i (#eq? @i "area"))',
        '((identifier) @i (#not-eq? @i "area"))',
        '((identifier) @i (#match? @i "^[a-s]+$"))',
        '((identifier) @i (#not-match? @i "^[a-s]"))',
        '((identifier) @i (#any-of? @i "area" "shape" "item"))',
        '((identifier) @i (#not-any-of? @i "area"))',
        "((call function: (identifier) @f arguments: (argument_list . (call function: (_) @g))) (#eq? @f @g))",
        "((call function: (identifier) @f arguments: (argument_list . (_) @g)) (#not-eq? @f @g))",
        '(argument_list (_)+ @a (#any-eq? @a "shape"))',
        '(argument_list (_)+ @a (#any-not-eq? @a "shape"))',
        '(argument_list (_)+ @a (#any-match? @a "^s"))',
        '(argument_list (_)* @a (#eq? @a "shape"))',
        '((integer) @i (#set! kind "number") (#is-not? local) (#nonsense? @i "x"))',
        '((call function: (_) @f) @c (#eq? @f "area") (#match? @c "scale"))',
        "(call) @a (identifier) @b (call function: (_) @c) (_ (call) @d)",
        "(module (function_definition (block (return_statement (call)))) @f)",
        "(parameters (_ type: (_))) @p",
        "(block (expression_statement (assignment right: (assignment)))) @b",
        '(argument_list (keyword_argument)? @k (#any-eq? @k "scale=scale")) @a',
        "(function_definition (block (if_statement (block) @b))) @f",
    ],
    "javascript": [
        "(call_expression function: (_) @f arguments: (arguments [(identifier) (string)]* @a))",
        "(variable_declarator name: (identifier) @n value: (_)? @v)",
        "(lexical_declaration (variable_declarator)+ @d) @l",
        '(lexical_declaration kind: "const" (variable_declarator name: (_) @n))',
        "(class_body [(method_definition name: (_) @m) (field_definition property: (_) @p)])",
        "(statement_block . (_)? @first (_)* @rest) @b",
        "(array (number) @a . (number) @b)",
        "(array . (number)+ @n .)",
        "((comment) @c . (lexical_declaration) @d)",
        '((string) @s (#match? @s "two"))',
        "(switch_case !body value: (_) @v)",
        '(if_statement alternative: (else_clause "else" @e)?) @i',
        "(formal_parameters (identifier) @a (assignment_pattern)? @b (rest_pattern)? @c)",
    ],
    "rust": [
        "((attribute_item)+ @a . (struct_item name: (_) @n))",
        "((attribute_item)* @a (struct_item) @s)",
        "(enum_variant name: (_) @n body: [(field_declaration_list) (ordered_field_declaration_list)]? @b)",
        "(match_arm pattern: (_) @p value: (_) @v)",
        "(impl_item trait: (_)? @t type: (_) @y body: (_ (function_item name: (_) @m)))",
        "(arguments (identifier) @a . (identifier) @b .)",
        "(visibility_modifier)? @v",
    ],
    "go": [
        "(method_declaration receiver: (parameter_list (parameter_declaration type: (_) @r)) name: (_) @n)",
        "(short_var_declaration left: (expression_list (_)+ @l) right: (expression_list (_)+ @r))",
        "(statement_list (_) @a . (_) @b)",
        '(import_spec path: (_) @p (#match? @p "f.t"))',
        "(field_declaration name: (_)+ @n type: (_) @t tag: (_)? @g)",
    ],
    "c": [
        "(field_declaration type: (_) @t declarator: (_)+ @d)",
        "(declaration declarator: [(init_declarator declarator: (_) @d) (identifier) @d])",
        "(ERROR) @e",
        "(_ (ERROR) @e) @p",
        "(parameter_list (parameter_declaration) @a . (parameter_declaration) @b)",
    ],
}


def oracle(query: tree_sitter.Query, tree: tree_sitter.Tree) -> list[tuple[int, dict[str, list[int]]]]:
    """Return what tree-sitter finds, with each node's row instead of the node."""
    rows, stack = {}, [tree.root_node]
    while stack:
        node = stack.pop()
        rows[node.id] = len(rows)
        stack.extend(reversed(node.children))
    matches = tree_sitter.QueryCursor(query).matches(tree.root_node)
    return [
        (pattern, {name: [rows[node.id] for node in nodes] for name, nodes in captures.items()})
        for pattern, captures in matches
    ]


@cache
def parsed(language: str, source: bytes) -> tuple[tree_sitter.Tree, SyntaxTree]:
    live = tree_sitter.Parser(language_of(language)).parse(source)
    return live, to_columns(live, language, source)


def ours(query: str, tree: SyntaxTree) -> list[tuple[int, dict[str, list[int]]]]:
    return [(match.pattern, match.captures) for match in compile_pattern(query, tree.language).match(tree)]


def as_set(matches: list[tuple[int, dict[str, list[int]]]]) -> list[tuple[int, list[tuple[str, list[int]]]]]:
    """Return matches without their order; those without captures tell nothing, and their number isn't compared."""
    return sorted((pattern, sorted(captures.items())) for pattern, captures in matches if captures)


@pytest.mark.parametrize(("language", "query"), [(name, query) for name, some in QUERIES.items() for query in some])
def test_a_query_finds_what_tree_sitter_finds_in_its_order(language: str, query: str) -> None:
    if query.endswith("(visibility_modifier)? @v"):
        with pytest.raises(UsageError, match="can match nothing"):
            compile_pattern(query, language)
        return
    for source in (SOURCES[language], BROKEN.get(language, b"")):
        live, tree = parsed(language, source)
        assert ours(query, tree) == oracle(tree_sitter.Query(language_of(language), query), live)


QUERY_FILES = sorted(
    file.name.removesuffix(".scm")
    for file in (files("treeseek.syntax") / "queries").iterdir()
    if file.name != "tsx.scm"
)


@pytest.mark.parametrize("language", QUERY_FILES)
def test_our_own_queries_find_the_same(language: str) -> None:
    query = (files("treeseek.syntax") / "queries" / f"{language}.scm").read_text(encoding="utf-8")
    pattern = compile_pattern(query, language)
    theirs = tree_sitter.Query(language_of(language), query)  # once: that of Swift takes a second
    for source in (SOURCES.get(language, b""), BROKEN.get(language, b""), SOURCES["c"], SOURCES["typescript"]):
        live, tree = parsed(language, source)
        found = [(match.pattern, match.captures) for match in pattern.match(tree)]
        assert found == oracle(theirs, live)


# -- queries at random, from what is in a tree -------------------------------------------------------------------------


def fragment(node: tree_sitter.Node, random: Random, depth: int) -> str:
    """Return a pattern that the node may fit, with quantifiers, alternations, anchors and captures thrown in."""
    if not node.is_named:
        written = "_" if random.random() < 0.2 else '"' + node.type.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return written + suffix(random, depth)
    if random.random() < 0.12:
        other = random.choice(node.parent.children if node.parent else [node])
        return f"[{fragment(node, random, depth + 1)} {fragment(other, random, depth + 1)}]" + suffix(random, depth)
    name = "_" if random.random() < 0.15 else node.type
    if node.is_missing and random.random() < 0.5:
        return f"(MISSING {node.type})" + suffix(random, depth)
    inner = children(node, random, depth) if depth < 4 and random.random() < 0.7 else ""
    return f"({name}{inner})" + suffix(random, depth)


def suffix(random: Random, depth: int) -> str:
    quantifier = random.choice(("", "", "", "", "+", "?", "*")[: None if depth else 5])
    capture = random.choice(("", " @a", " @b", " @c", " @a @b"))
    return quantifier + capture


def children(node: tree_sitter.Node, random: Random, depth: int) -> str:
    """Return patterns for some of a node's children, in order."""
    chosen = sorted(random.sample(range(node.child_count), min(node.child_count, random.choice((0, 1, 1, 2, 3)))))
    parts = [" !name"] if random.random() < 0.05 else []
    for index in chosen:
        field = node.field_name_for_child(index)
        prefix = f"{field}: " if field and random.random() < 0.5 else ""
        anchor = " ." if random.random() < 0.25 else ""
        parts.append(f"{anchor} {prefix}{fragment(node.children[index], random, depth + 1)}")
    return "".join(parts) + (" ." if chosen and random.random() < 0.2 else "")


def random_query(tree: tree_sitter.Tree, random: Random) -> str:
    """Return one to three patterns, each of a node of the tree or of several siblings."""
    node = tree.root_node
    nodes = [node]
    while (nodes[-1].children and random.random() < 0.93) or len(nodes) == 1:
        if not nodes[-1].children:
            break
        nodes.append(random.choice(nodes[-1].children))
    picked = random.choice(nodes)
    if random.random() < 0.3 and picked.child_count > 1:
        start = random.randrange(picked.child_count - 1)
        siblings = picked.children[start : start + random.choice((2, 2, 3))]
        inside = random.choice((" ", " . ")).join(fragment(sibling, random, 2) for sibling in siblings)
        return f"({inside})" if inside[0] in '(["' else f"({fragment(picked, random, 0)} {inside})"
    return fragment(picked, random, 0)


def agree(query: str, language: str, source: bytes) -> None:
    """Assert that both find the same, if the query is one that both read (nine of ten are)."""
    live, tree = parsed(language, source)
    try:
        pattern = compile_pattern(query, language)
        found = [(match.pattern, match.captures) for match in pattern.match(tree)]
    except UsageError:
        return
    expected = oracle(tree_sitter.Query(language_of(language), query), live)
    assert as_set(found) == as_set(expected), query
    if as_set(expected):
        assert pattern.can_match(kinds_of(tree))


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32).map(Random), st.sampled_from(sorted(SOURCES)), st.booleans())
def test_queries_at_random_find_what_tree_sitter_finds(random: Random, language: str, is_broken: bool) -> None:
    source = BROKEN.get(language, SOURCES[language]) if is_broken else SOURCES[language]
    query = "\n".join(random_query(parsed(language, source)[0], random) for _ in range(random.choice((1, 1, 2))))
    agree(query, language, source)


# -- what is asked of a pattern besides --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("(nothing) @n", "row 1, column 2: Invalid node type: nothing"),
        ("; why\n\n(module\n  (nothing))", "row 4, column 4: Invalid node type: nothing"),
        ("(module nope: (_))", "row 1, column 9: Invalid field name: nope"),
        ("\n(module (comment (module)))", "row 2, column 18: Impossible pattern"),
        ("(module", "Unexpected EOF"),
        (")", "row 1, column 1: Invalid syntax"),
        ("[", "Unexpected EOF"),
        ("(module))", "row 1, column 9: Invalid syntax"),
        ('"no end', "row 1, column 1: Invalid syntax"),
        ("((module) @a (#eq? @a))", "#eq\\? expects 2 arguments"),
        ('((module) @a (#eq? @b "x"))', "Invalid capture name: b"),
        ('((module) @a (#match? @a "("))', "regular expression error"),
        ("(expression) @e", r"not supported: \(expression\) is a supertype"),
        ("(expression/identifier) @e", r"not supported: \(expression\) is a supertype"),
        ("(comment)* @c", "not supported: .* can match nothing"),
        ("(_ [(identifier) @c (integer)? @c] @a)* @c", "not supported: .*repetition"),
        ("(_ (comment)?)+", "not supported: .* repetition"),
        ("((comment)?)+ @c", "not supported: a repetition"),
        ("(" * 200 + "module" + ")" * 200, "nested over"),
        ("(module)" * 20_000, "too long"),
        ("(module)\0", "NUL"),
    ],
)
def test_what_cant_be_is_refused_with_a_reason_and_a_place(query: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refusal:
        compile_pattern(query, "python")
    assert "\n" not in str(refusal.value)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='()[]"_.!#@?*+:; \n\\abmodule', max_size=40))
def test_no_text_makes_the_compiler_raise_anything_else(query: str) -> None:
    with suppress(UsageError):
        compile_pattern(query, "python").match(parsed("python", SOURCES["python"])[1])


def test_text_is_needed_for_predicates_only() -> None:
    live, _ = parsed("python", SOURCES["python"])
    tree = to_columns(live, "python", None)
    assert compile_pattern("(identifier) @i", "python").match(tree)
    with pytest.raises(TreeError, match="without its text"):
        compile_pattern('((identifier) @i (#eq? @i "area"))', "python").match(tree)
    assert compile_pattern('((yield) @i (#eq? @i "area"))', "python").match(tree) == []


def test_a_tree_of_another_language_is_refused() -> None:
    with pytest.raises(TreeMismatchError):
        compile_pattern("(identifier) @i", "python").match(parsed("go", SOURCES["go"])[1])


def test_a_tree_without_a_needed_kind_cant_match() -> None:
    kinds = kinds_of(parsed("python", SOURCES["python"])[1])
    assert not compile_pattern("(expression_statement (yield) @y)", "python").can_match(kinds)
    assert not compile_pattern("(yield) (await)", "python").can_match(kinds)
    assert compile_pattern("(yield) (call)", "python").can_match(kinds)
    assert compile_pattern("[(yield) (call)]", "python").can_match(kinds)
    assert compile_pattern("(expression_statement (yield)?)", "python").can_match(kinds)
    assert not compile_pattern("(call)", "python").can_match(np.zeros_like(kinds))


def test_a_pattern_that_fits_in_countless_ways_is_given_up() -> None:
    """tree-sitter's cursor doesn't come back from this one."""
    with pytest.raises(UsageError, match="too many ways"):
        compile_pattern("(_ _ @b)+ @c", "rust").match(parsed("rust", SOURCES["rust"])[1])


def test_none_of_several_texts_means_none_of_them() -> None:
    """The binding lets pass whatever differs from one of them."""
    _, tree = parsed("python", SOURCES["python"])
    found = compile_pattern('((identifier) @i (#not-any-of? @i "area" "shape"))', "python").match(tree)
    texts = {tree.text(match.captures["i"][0]) for match in found}
    assert b"scale" in texts
    assert not texts & {b"area", b"shape"}


def test_predicates_without_meaning_here_are_listed() -> None:
    pattern = compile_pattern('((identifier) @i (#set! a "b") (#lua-match? @i "x") (#eq? @i "area"))', "python")
    assert pattern.ignored == ("set!", "lua-match?")


def test_only_the_beginning_of_a_long_text_is_searched() -> None:
    _, tree = parsed("python", b'x = "' + b"a" * 20_000 + b'b"\n')
    assert compile_pattern('((string) @s (#match? @s "a"))', "python").match(tree)
    assert not compile_pattern('((string) @s (#match? @s "b"))', "python").match(tree)


def test_bytes_that_are_no_text_are_searched_all_the_same() -> None:
    _, tree = parsed("python", b'x = "\xff\xfeok"\n')
    assert compile_pattern('((string) @s (#match? @s "ok"))', "python").match(tree)
