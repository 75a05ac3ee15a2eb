"""What is declared in one file of each language, and how names, signatures and docs come out."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from treeseek.model import DECLARATION_KINDS, Declaration
from treeseek.syntax import analyse
from treeseek.syntax.languages import LANGUAGES
from treeseek.syntax.qualify import plain_name

GOLDEN = Path(__file__).parent / "golden"
PARSED = sorted(row.name for row in LANGUAGES.values() if row.reader == "syntax")


def declared(source: str, language: str) -> dict[str, Declaration]:
    syntax = analyse(source.encode(), language, deadline_seconds=20)
    return {declaration.name: declaration for declaration in syntax.declarations}


def golden(language: str) -> dict[str, Declaration]:
    return declared((GOLDEN / f"{language}.source").read_text(encoding="utf-8"), language)


@pytest.mark.parametrize("language", PARSED)
def test_what_a_file_declares(language: str) -> None:
    """The expected files hold one declaration a line: kind, qualified name, first and last line."""
    path = GOLDEN / f"{language}.source"
    syntax = analyse(path.read_bytes(), language, deadline_seconds=20)
    assert syntax.fallback == ""
    found = [f"{d.kind:<9} {d.name:<24} {d.start_line}-{d.end_line}" for d in syntax.declarations]
    assert found == path.with_suffix(".expected").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("language", "name", "signature", "doc"),
    [
        ("rust", "Point", "pub struct Point<T>", "A point on the plane."),
        ("rust", "Point.moved", "pub fn moved(&self, by: T) -> Self where T: Copy,", "Moves it."),
        ("javascript", "connect", "export const connect = async (url) =>", "Makes a client.\n@param {string} url"),
        ("typescript", "Service.load", "async load(key: string): Promise<T>", ""),
        ("tsx", "Button", "export const Button: React.FC<Props> = ({ title }) =>", "A button."),
        ("python", "Session", "class Session(Base)", "Keeps a connection.\n\nFor a while."),
        ("python", "traced", 'def traced( function, *, name="x", )', "Traces calls."),
        ("go", "Point.Move", "func (p *Point) Move(by int) error", "Move moves it."),
        ("go", "Red", "Red = iota", "Red first."),
        ("java", "Session.load", "public List<T> load(String key)", "Loads."),
        ("c", "make_node", "static struct node *make_node(int value)", "Makes a node."),
        ("c", "MAX", "#define MAX(a, b)", ""),
        ("cpp", "shapes.Point", "template <typename T> class Point : public Base", "A point."),
        ("csharp", "Example.Shapes.Point", "public class Point<T> : IShape", "A point."),
        ("ruby", "Shapes.Point.origin", "def self.origin", "Makes one."),
        ("php", "User", "abstract class User extends Model implements Countable", "A user."),
        ("kotlin", "Session", "data class Session<T>(val url: String) : Base()", "A session."),
        ("scala", "Point.moved", "def moved(by: T): Point[T]", ""),
        ("swift", "Session", "public class Session: NSObject", "A session."),
        ("lua", "M.add", "function M.add(a, b)", "Adds.\n@param a number"),
        ("bash", "usage", "usage()", "Prints usage."),
        ("elixir", "Example.Session", "defmodule Example.Session", "A session."),
        ("elixir", "Example.Session.load", "def load(session, key) when is_binary(key)", "Loads a key.\n\nTwice."),
        ("haskell", "area", "area :: Shape Int -> Int", "The area."),
        ("haskell", "Sized.size", "size :: a -> Int", "How big."),
        ("zig", "limit", "pub const limit: usize = 10;", "The most."),
    ],
)
def test_signatures_and_docs(language: str, name: str, signature: str, doc: str) -> None:
    declaration = golden(language)[name]
    assert (declaration.signature, declaration.doc) == (signature, doc)


@pytest.mark.parametrize("language", PARSED)
def test_queries_capture_only_known_names(language: str) -> None:
    known = {*DECLARATION_KINDS, "scope", "name", "owner", "body", "head", "in", "local", "attribute", "keyword",
             "definition"}  # fmt: skip
    query = files("treeseek.syntax") / "queries" / f"{language}.scm"
    code = re.sub(r";.*", "", query.read_text(encoding="utf-8"))
    assert set(re.findall(r"@(\w+)", code)) <= known


def test_a_long_header_and_a_long_doc_are_shortened() -> None:
    (function,) = declared("def f(" + "a, " * 200 + "):\n    '''" + "word " * 400 + "'''\n", "python").values()
    assert len(function.signature) == 200
    assert 590 < len(function.doc) <= 600


def test_a_doc_comment_must_touch() -> None:
    source = "// Loose.\n\n// Close.\n// Second.\nfunc A() {}\n\nvar x = 1 // Trailing.\nfunc B() {}\n"
    found = declared(source, "go")
    assert (found["A"].doc, found["A"].start_line) == ("Close.\nSecond.", 3)
    assert (found["B"].doc, found["B"].start_line) == ("", 8)


def test_attributes_and_comments_in_any_order_belong_to_the_declaration() -> None:
    source = "fn before() {}\n// One.\n#[a(\n  b,\n)]\n// Two.\n#[c] #[d]\nfn f() {}\n"
    assert declared(source, "rust")["f"].start_line == 2


def test_values_inside_functions_are_not_declarations_and_functions_are() -> None:
    source = "function outer() {\n  const a = 1;\n  const b = () => {};\n  return () => { function c() {} };\n}\n"
    found = declared(source, "javascript")
    assert list(found) == ["outer", "outer.b", "outer.c"]


def test_declarations_under_conditions_are_found() -> None:
    source = "if x:\n    def a(): pass\nelif y:\n    def b(): pass\n"
    source += "try:\n    C = 1\nexcept E:\n    D = 2\nfinally:\n    F = 3\n"
    assert list(declared(source, "python")) == ["a", "b", "C", "D", "F"]
    assert list(declared("#if A\n#elif B\nint f(void) {}\n#else\nint g(void) {}\n#endif\n", "c")) == ["f", "g"]


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("plain", "plain"), ("A<T>::b", "A.b"), ("ns::Map<K, List<V>>::get", "ns.Map.get"),
        ("App\\Models", "App.Models"),
        ("operator<<", "operator<<"), ("operator<=>", "operator<=>"), ("<=>", "<=>"), ("(<+>)", "<+>"), ("[]=", "[]="),
        ("'on-error'", "on-error"), ("module.exports", "module.exports"), ("exports.a", "a"), ("A.prototype.b", "A.b"),
        ("M:close", "M.close"), ("&'a Foo", "'aFoo"), ("*List[T]", "List"), ("empty?", "empty?"), ("größe", "größe"),
        ("", ""),
    ],
)  # fmt: skip
def test_names_are_joined_by_dots(raw: str, name: str) -> None:
    assert plain_name(raw.encode())[0] == name
