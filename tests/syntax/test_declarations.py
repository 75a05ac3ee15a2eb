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


@pytest.mark.parametrize(
    ("language", "source", "name", "signature"),
    [
        ("rust", "trait A {\n    fn f(\n        /// Perform it.\n        &self);\n}\n", "A.f", "fn f( &self);"),
        ("rust", "macro_rules! m {\n    (x) => { /// Long.\n };\n}\n", "m", "macro_rules! m"),
        ("cpp", "template<class T>\n/*! Long. */\nclass A { int x; };\n", "A", "template<class T> class A"),
        ("cpp", "[[nodiscard]] int f(int a);\n", "f", "int f(int a);"),
        ("csharp", 'class A {\n  [B("]")] [C(typeof(D[]))]\n  void F() { }\n}\n', "A.F", "void F()"),
        ("csharp", "class A {\n#if X\n  [B]\n#endif\n  void F() { }\n}\n", "A.F", "void F()"),
        ("java", 'class A {\n  @B(")") /* c */ @d.E // f\n  int x;\n}\n', "A.x", "int x;"),
        ("java", "public @interface A { }\n", "A", "public @interface A"),
        ("java", "@interface A { }\n", "A", "@interface A"),
        ("kotlin", 'class A {\n  @Deprecated("no (", level = B)\n  val x = 1\n}\n', "A.x", "val x = 1"),
        ("php", "<?php\n#[A(1, [2])]\nfunction f() { }\n", "f", "function f()"),
        ("swift", "class A {\n  @available(iOS 8, *)\n  var x: Int { 1 }\n}\n", "A.x", "var x: Int"),
        ("scala", '@deprecated("a", "b") def f(x: Int): Int = x\n', "f", "def f(x: Int): Int"),
        ("scala", "def f: Int = // Why.\n  1\n", "f", "def f: Int"),
        ("ruby", "module A\n  # What it is.\n  class B\n  end\nend\n", "A", "module A"),
        ("ruby", 'def f(a = "#{b} # c") # d\n  1\nend\n', "f", 'def f(a = "#{b} # c")'),
        ("typescript", "class A {\n  [Symbol.iterator]() { }\n}\n", "A.[Symbol.iterator]", "[Symbol.iterator]()"),
        ("typescript", "@B({ c: ')' })\nexport class A { }\n", "A", "export class A"),
        ("javascript", "class A {\n  #if = 1;\n}\n", "A.#if", "#if = 1"),
    ],
)
def test_a_signature_is_the_header_only(language: str, source: str, name: str, signature: str) -> None:
    syntax = analyse(source.encode(), language, deadline_seconds=20)
    found = {declaration.name: declaration.signature for declaration in syntax.declarations}
    assert found.get(name) == signature, found
    assert syntax.chunks[0].signature == next(iter(found.values()))


def test_a_long_annotation_hides_no_header() -> None:
    found = declared('@A("' + "x" * 900 + '")\nclass B { }\n', "java")
    assert found["B"].signature == "class B"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_body_that_indentation_ends_leaves_what_follows_to_the_next(newline: str) -> None:
    source = "class A {\n  def f: Int =\n    g {\n      1\n    }\n    // Of the body.\n\n"
    source += "  /**\n   * Says\n   *\n\n   * h.\n   */\n"
    source += "  // And more.\n  def h: Int =\n    2\n\n  def i: Int = 3 // Trailing.\n}\n"
    found = declared(source.replace("\n", newline), "scala")
    lines = {name: (item.start_line, item.end_line) for name, item in found.items()}
    assert lines == {"A": (1, 19), "A.f": (2, 6), "A.h": (8, 16), "A.i": (18, 18)}
    assert found["A.h"].doc.startswith("Says")
    assert found["A.f"].doc == ""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("namespace a\n{\n/// B.\nclass B { void f(); };\n}\nEND\n", ["a", "a.B", "a.B.f"]),
        ("namespace a::b {\nint f();\n}\nEND\n", ["a.b", "a.b.f"]),
        ("namespace {\nint f();\n}\nEND\n", ["f"]),
        ("inline namespace a {\nnamespace b { int f(); }\n}\nEND\n", ["a", "a.b", "a.b.f"]),
        ("class A { void f(); };\nstruct B { };\nEND\n", ["A", "A.f", "B"]),
        ("struct A { int f() { return 1; } };\nEND\n", ["A", "A.f"]),
    ],
)
def test_a_macro_before_a_namespace_or_class_hides_nothing(source: str, expected: list[str]) -> None:
    syntax = analyse(b"BEGIN_HERE\n" + source.encode(), "cpp", deadline_seconds=20)
    assert (syntax.fallback, [declaration.name for declaration in syntax.declarations]) == ("", expected)
    for declaration in syntax.declarations:
        text = (b"BEGIN_HERE\n" + source.encode())[declaration.start_byte : declaration.end_byte].decode()
        assert declaration.name.rpartition(".")[2] in text


def test_a_macro_before_a_template_hides_no_members() -> None:
    """The parser makes nothing of the header, and a block of the body."""
    member = "  /// Does it.\n  template<typename U>\n  static int f(U u)\n  {\n    return u.work(1, 2);\n  }\n"
    source = "BEGIN_HERE\n\n/// A.\ntemplate<typename T, typename>\nstruct A\n{\n" + member * 3 + "};\n\nEND_HERE\n"
    syntax = analyse(source.encode(), "cpp", deadline_seconds=20)
    assert [found.name for found in syntax.declarations] == ["f"] * 3


def test_a_macro_inside_of_a_class_header_hides_nothing() -> None:
    source = "class API A : public B {\n public:\n  void f();\n  int g() { return 1; }\n};\n"
    source += "struct API C { int h(); };\n"
    kinds = {name: item.kind for name, item in declared(source, "cpp").items()}
    assert kinds == {"A": "class", "A.f": "method", "A.g": "method", "C": "struct", "C.h": "method"}


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
