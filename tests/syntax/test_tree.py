"""Syntax trees as columns say what tree-sitter says, of whole files and of damaged ones, in every language.

The same inputs each time: a damaged text may bring a grammar to hang, and looking for those is what `make fuzz` does.
"""

from pathlib import Path
from random import Random

import numpy as np
import pytest
from fuzz.changes import nothing_changed
from fuzz.properties import (
    agrees_with_parser,
    answers_everything,
    holds_together,
    sample,
    without_missing_fields,
    written_by_parser,
)
from fuzz.sources import PARSED, mutated, sources
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek.errors import TreeError
from treeseek.syntax.columns import parse_tree, to_columns
from treeseek.syntax.grammars import load, parse
from treeseek.syntax.tree import ERROR, EXTRA, MISSING, NAMED, SyntaxTree, subtree_sizes

OUR_OWN = sorted((Path(__file__).resolve().parents[2] / "src/treeseek/syntax").glob("*.py"))


def both(data: bytes, language: str):
    parsed = parse(load(language), data, 20)
    assert parsed is not None
    return to_columns(parsed, language, data), parsed


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, bytes]:
    """A language and a text in it, whole or damaged."""
    language = draw(st.sampled_from(PARSED))
    text = draw(st.sampled_from(sources(language)))
    return language, mutated(text, Random(draw(st.integers(0, 1 << 32))), draw(st.integers(0, 4)))


@pytest.mark.parametrize("language", PARSED)
def test_columns_say_what_the_parser_says(language: str) -> None:
    for text in (*sources(language), b"", b"\n\n  \n", b"x", b"\xff\xfe\0", b"(" * 60, b"{" * 60 + b"}" * 60):
        tree, parsed = both(text, language)
        agrees_with_parser(tree, parsed)
        holds_together(tree)


@pytest.mark.parametrize("path", OUR_OWN, ids=lambda path: path.name)
def test_columns_of_real_files(path: Path) -> None:
    tree, parsed = both(path.read_bytes(), "python")
    agrees_with_parser(tree, parsed)
    assert not tree.has_errors


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts())
def test_columns_of_damaged_files(text: tuple[str, bytes]) -> None:
    language, data = text
    tree, parsed = both(data, language)
    agrees_with_parser(tree, parsed)
    holds_together(tree)
    answers_everything(tree)


def test_damaged_files_have_errors_and_missing_nodes() -> None:
    """Or else the tests above would never see any."""
    random = Random(1)
    flags = 0
    for language in PARSED:
        for _ in range(12):
            tree, _ = both(mutated(sources(language)[0], random, 2), language)
            flags |= int(np.bitwise_or.reduce(tree.flags))
    assert flags == NAMED | MISSING | EXTRA | ERROR


@settings(max_examples=100, deadline=None, derandomize=True)
@given(texts(), st.randoms(use_true_random=False))
def test_navigation_leads_where_the_parsers_does(text: tuple[str, bytes], random: Random) -> None:
    language, data = text
    tree, parsed = both(data, language)
    nodes = _in_order(parsed.root_node)
    for row in random.sample(range(len(tree)), min(len(tree), 10)):
        node = nodes[row]
        assert [_key(nodes[child]) for child in tree.children(row)] == [_key(child) for child in node.children]
        above = [] if node.parent is None else [node.parent]
        while above and above[-1].parent is not None:
            above.append(above[-1].parent)
        assert [_key(nodes[at]) for at in tree.ancestors(row)] == [_key(one) for one in above]
        assert tree.text(row) == node.text
        assert tree.by_kind(node.type).tolist() == [at for at, one in enumerate(nodes) if one.type == node.type]
        inside = [at for at in range(len(nodes)) if _is_within(nodes[at], node)]
        assert tree.within(node.start_byte, node.end_byte).tolist() == inside


def _in_order(root) -> list:
    nodes, stack = [], [root]
    while stack:
        nodes.append(stack.pop())
        stack += reversed(nodes[-1].children)
    return nodes


def _key(node) -> tuple:
    return node.type, node.start_byte, node.end_byte, node.is_named


def _is_within(node, around) -> bool:
    return around.start_byte <= node.start_byte and node.end_byte <= around.end_byte


@settings(max_examples=100, deadline=None, derandomize=True)
@given(texts(), st.randoms(use_true_random=False))
def test_what_is_at_a_byte(text: tuple[str, bytes], random: Random) -> None:
    language, data = text
    tree, parsed = both(data, language)
    root = parsed.root_node
    nodes = _in_order(root)
    first, last = root.start_byte, root.end_byte
    for _ in range(10 if last > first else 0):
        start = random.randrange(first, last)
        end = random.randint(start + 1, min(last, start + random.choice((1, 10, 500))))
        smallest = root.descendant_for_byte_range(start, end)
        assert _key(nodes[tree.at(start, end)]) == _key(smallest)
        named = root.named_descendant_for_byte_range(start, end)
        assert _key(nodes[tree.at(start, end, named=True)]) == _key(named)
        assert tree.at(start) == tree.at(start, start + 1)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(texts())
def test_a_tree_is_written_as_the_parser_writes_it(text: tuple[str, bytes]) -> None:
    language, data = text
    tree, parsed = both(data, language)
    nodes = _in_order(parsed.root_node)
    assert without_missing_fields(str(tree.node())) == written_by_parser(parsed.root_node, language)
    for row in sample(len(tree), 5):
        if tree.size[row] > 1:  # of a leaf that has an alias, tree-sitter prints the name without it
            assert without_missing_fields(str(tree.node(row))) == written_by_parser(nodes[row], language)


def test_the_view_of_a_node() -> None:
    tree, _ = both(b"def f(a): return a\n", "python")
    function = tree.node().children[0]
    assert (function.kind, function.field, function.span, function.is_named) == (
        "function_definition",
        "",
        (0, 18),
        True,
    )
    name = function.child("name")
    assert name is not None
    assert (name.text, name.field, name.children, name.child("name")) == (b"f", "name", [], None)
    assert name.parent == function
    assert [node.kind for node in function.walk() if not node.is_named] == ["def", "(", ")", ":", "return"]
    assert tree.named(b"a").tolist() == [row for row in range(len(tree)) if tree.kind_name(row) == "identifier"][1:]
    assert tree.by_field("name").tolist() == [name.row]


def test_what_has_no_text_says_so() -> None:
    whole, _ = both(b"a = 1\n", "python")
    bare = SyntaxTree(whole.language, whole.vocabulary, **dict(zip(COLUMNS, whole.columns, strict=True)))
    with pytest.raises(TreeError):
        bare.text(0)
    with pytest.raises(TreeError):
        bare.named(b"a")
    with pytest.raises(TreeError):
        bare.with_source(b"a")
    assert bare.with_source(b"a = 1\n").text(0) == b"a = 1\n"
    assert bare == whole and bare != 1


COLUMNS = ("kind", "field", "flags", "start", "end", "size")


@pytest.mark.parametrize("column", COLUMNS)
def test_trees_differ_if_a_column_does(column: str) -> None:
    tree, _ = both(b"a = 1\n", "python")
    columns = {name: values.copy() for name, values in zip(COLUMNS, tree.columns, strict=True)}
    columns[column][-1] += 1
    assert SyntaxTree(tree.language, tree.vocabulary, **columns) != tree
    with pytest.raises(ValueError, match="read-only"):
        tree.columns[0][0] = 1


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 5))
def test_sizes_follow_from_depths(steps: list[int], deepening: int) -> None:
    depths = [0]
    for step in steps:
        depths.append(max(1, depths[-1] + (1 if step % deepening == 0 else -step)))
    expected = []
    for row, depth in enumerate(depths):
        after = (at for at in range(row + 1, len(depths)) if depths[at] <= depth)
        expected.append(next(after, len(depths)) - row)
    assert subtree_sizes(np.array(depths)).tolist() == expected


@pytest.mark.parametrize("levels", [1, 2, 65_534, 65_535, 65_536, 65_537, 100_000])
def test_sizes_of_a_deep_tree(levels: int) -> None:
    assert subtree_sizes(np.arange(levels)).tolist() == list(range(levels, 0, -1))


def test_a_tree_may_be_deeper_than_16_bits() -> None:
    deep = 70_000
    tree = parse_tree(b"[" * deep + b"]" * deep, "javascript", deadline_seconds=60)
    assert tree is not None
    assert tree.depth.max() > 65_536
    assert (tree.parent[1:] < np.arange(1, len(tree))).all()
    assert (tree.depth[1:] == tree.depth[tree.parent[1:]] + 1).all()
    holds_together(tree)
    nothing_changed(tree)
