"""The properties of chunks, on random bytes, on real-looking source, and on damaged source."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek.model import CHUNK_KINDS, DECLARATION_KINDS, Chunk, Syntax
from treeseek.syntax import analyse, names
from treeseek.syntax.chunks import JOIN_BYTES, MAX_CHUNK_BYTES

SOURCES = {path.stem: path.read_bytes() for path in sorted((Path(__file__).parent / "golden").glob("*.source"))}
LANGUAGES = sorted(names())
FRAGMENTS = [b"\n", b"\r\n", b"\r", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"{", b"}", b"(", b'"', b"'", b"`", b"/*",
             b"*/", b"# x\n", b"---\n", b"end\n", b"\n\n\n", "é∂ü".encode(), b"class A {", b"def f():\n", b"fn f() {",
             b" " * 9, b"x" * 3000, "日".encode() * 900, b"a\n" * 700]  # fmt: skip


def run(data: bytes, language: str) -> Syntax:
    syntax = analyse(data, language, deadline_seconds=20)
    check(data, syntax)
    return syntax


NEWLINE = b"\n"


def check(data: bytes, syntax: Syntax) -> None:
    previous_end = 0
    for chunk in syntax.chunks:
        assert previous_end <= chunk.start_byte < chunk.end_byte <= len(data), "in order, apart, not empty"
        assert not data[previous_end : chunk.start_byte].strip(), "only blank text is between chunks"
        assert chunk.end_byte - chunk.start_byte <= MAX_CHUNK_BYTES
        assert chunk.start_line == 1 + data.count(NEWLINE, 0, chunk.start_byte)
        assert chunk.end_line == 1 + data.count(NEWLINE, 0, chunk.end_byte)
        assert chunk.kind in CHUNK_KINDS
        _check_border(data, chunk.start_byte)
        previous_end = chunk.end_byte
    assert not data[previous_end:].strip(), "nothing is left after the last chunk"
    placed = [index for chunk in syntax.chunks for index in chunk.declarations]
    assert sorted(placed) == list(range(len(syntax.declarations))), "each declaration is in exactly one chunk"
    for declaration in syntax.declarations:
        start, end = declaration.start_byte, declaration.end_byte
        assert 0 <= start < end <= len(data)
        assert declaration.start_line == 1 + data.count(NEWLINE, 0, start)
        assert declaration.end_line == declaration.start_line + data.count(NEWLINE, start, end - 1)
        assert declaration.kind in DECLARATION_KINDS
        assert len(declaration.signature) <= 200 and NEWLINE.decode() not in declaration.signature
        assert len(declaration.doc) <= 600


def _check_border(data: bytes, start: int) -> None:
    """A chunk starts where a line does, or inside of one too long for a chunk, between characters."""
    if start == 0 or data[start - 1 : start] == NEWLINE:
        return
    line_start = data.rfind(NEWLINE, 0, start) + 1
    line_end = data.find(NEWLINE, start)
    line_end = len(data) if line_end < 0 else line_end
    assert line_end - line_start > MAX_CHUNK_BYTES - 4, "only a long line is cut inside"
    if _is_utf8(data[line_start:line_end]):
        assert data[start] & 0xC0 != 0x80, "a character is not cut"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(deadline=None)
@given(data=st.binary(max_size=5_000), language=st.sampled_from(LANGUAGES))
def test_any_bytes_in_any_language(data: bytes, language: str) -> None:
    run(data, language)


@settings(deadline=None)
@given(text=st.text(alphabet=st.sampled_from(" \t\n\r{}()[]'\"`#/*-=:;,.<>@|\\abAB1é"), max_size=3_000),
       language=st.sampled_from(LANGUAGES))  # fmt: skip
def test_text_that_looks_like_code(text: str, language: str) -> None:
    run(text.encode(), language)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), language=st.sampled_from(sorted(SOURCES)))
def test_damaged_source(data: st.DataObject, language: str) -> None:
    source = SOURCES[language] * data.draw(st.integers(1, 6))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(source)))
        cut = data.draw(st.integers(0, 300))
        source = source[:at] + data.draw(st.sampled_from(FRAGMENTS)) + source[at + cut :]
    first = run(source, language)
    assert analyse(source, language, deadline_seconds=20) == first, "the same bytes give the same chunks"


@settings(deadline=None)
@given(pieces=st.lists(st.sampled_from(FRAGMENTS), max_size=40), language=st.sampled_from(["text", "markdown", "json",
       "restructuredtext", "asciidoc"]))  # fmt: skip
def test_plain_text(pieces: list[bytes], language: str) -> None:
    run(b"".join(pieces), language)


@pytest.mark.parametrize("language", sorted(SOURCES))
def test_carriage_returns_change_no_line(language: str) -> None:
    source = SOURCES[language]
    plain, dos = run(source, language), run(source.replace(b"\n", b"\r\n"), language)
    assert [(d.kind, d.name, d.start_line, d.end_line) for d in dos.declarations] == [
        (d.kind, d.name, d.start_line, d.end_line) for d in plain.declarations
    ]


def chunks_of(source: str, language: str) -> list[tuple[str, str, int, int]]:
    chunks: tuple[Chunk, ...] = run(source.encode(), language).chunks
    return [(chunk.kind, chunk.name, chunk.start_line, chunk.end_line) for chunk in chunks]


def method(name: str, lines: int) -> str:
    return f"    def {name}(self):\n" + "        self.work(1, 2, 3)\n" * lines


def test_a_class_is_cut_into_its_header_and_members() -> None:
    source = "import os\nimport sys\n\n" + '"""' + "x" * 200 + '"""\n\n\nclass A:\n    """' + "Doc. " * 60 + '"""\n\n'
    source += method("first", 40) + "\n" + method("second", 40)
    assert chunks_of(source, "python") == [
        ("block", "", 1, 4), ("class", "A", 7, 8), ("method", "A.first", 10, 50), ("method", "A.second", 52, 92)
    ]  # fmt: skip


def test_a_small_class_is_one_chunk_and_small_functions_are_joined() -> None:
    small = "class A:\n" + method("first", 3) + method("second", 3)
    assert chunks_of(small, "python") == [("class", "A", 1, 9)]
    functions = "".join(f"def f{i}():\n    return {i}\n\n" for i in range(60))
    sizes = [c.end_byte - c.start_byte for c in run(functions.encode(), "python").chunks]
    assert max(sizes) <= JOIN_BYTES
    assert min(sizes[:-1]) > JOIN_BYTES // 2


def test_a_sliver_goes_with_its_neighbour() -> None:
    source = "module A\n  class B\n" + "    def m\n" + "      work(1, 2, 3)\n" * 80 + "    end\n  end\nend\n"
    assert chunks_of(source, "ruby") == [("method", "A.B.m", 1, 86)]


def test_a_long_function_is_cut_where_statements_begin() -> None:
    statement = "    if (a) {\n" + "      work(1, 2, 3);\n" * 20 + "    }\n"
    source = "function long() {\n" + statement * 10 + "}\n"
    chunks = run(source.encode(), "javascript").chunks
    assert len(chunks) > 2
    assert {(chunk.kind, chunk.name, chunk.signature) for chunk in chunks} == {("function", "long", "function long()")}
    lines = source.splitlines()
    assert {lines[chunk.start_line - 1].strip() for chunk in chunks[1:]} == {"if (a) {"}


def test_what_lies_between_members_is_a_block_of_the_class() -> None:
    source = "class A:\n" + method("m", 60) + "\n" + "    register(m, 1, 2, 3, 4)\n" * 60
    assert chunks_of(source, "python")[-1] == ("block", "A", 64, 123)


def test_an_implementation_begins_with_its_header() -> None:
    body = "        work(1, 2, 3);\n" * 60
    source = f"impl Shape for Point {{\n    fn a(&self) {{\n{body}    }}\n\n    fn b(&self) {{\n{body}    }}\n}}\n"
    assert chunks_of(source, "rust") == [("method", "Point.a", 1, 63), ("method", "Point.b", 65, 127)]


def test_a_long_line_is_cut_between_characters() -> None:
    data = ("x = '" + "日本語" * 2_000 + "'\n").encode()
    chunks = run(data, "python").chunks
    assert len(chunks) > 8
    for chunk in chunks:
        data[chunk.start_byte : chunk.end_byte].decode()
    assert max(chunk.end_byte - chunk.start_byte for chunk in chunks) > MAX_CHUNK_BYTES - 4


def test_plain_text_is_cut_at_blank_lines_and_shallow_indentation() -> None:
    paragraph = "word " * 80 + "\nmore\n\n"
    text = paragraph * 10
    lines = text.splitlines()
    for _, _, start, _ in chunks_of(text, "text")[1:]:
        assert lines[start - 2] == "" and lines[start - 1].startswith("word")
    entries = "".join(f"key{i}:\n" + f"  inner{i}: value\n" * 20 for i in range(40))
    starts = [entries.splitlines()[start - 1] for _, _, start, _ in chunks_of(entries, "yaml")]
    assert all(start.startswith("key") for start in starts)


@pytest.mark.parametrize("data", [b"", b"\n\n\n", b"   \t\r\n", b"\0", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("language", ["python", "markdown", "text"])
def test_next_to_nothing(data: bytes, language: str) -> None:
    assert len(run(data, language).chunks) == (1 if data.strip() else 0)
