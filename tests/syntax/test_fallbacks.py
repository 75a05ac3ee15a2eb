"""Files that can't be parsed are cut by lines and say so; nothing crashes the process."""

import gc
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from treeseek.syntax import analyse, names
from treeseek.syntax.languages import LANGUAGES

PARSED = sorted(row.name for row in LANGUAGES.values() if row.reader == "syntax")


def test_a_parse_that_takes_too_long_is_given_up_and_leaves_no_trace() -> None:
    slow = b"int x = " + b"a<b," * 20_000
    given_up = analyse(slow, "cpp", deadline_seconds=0.0)
    assert (given_up.fallback, given_up.declarations) == ("parse-timeout", ())
    assert b"".join(slow[c.start_byte : c.end_byte] for c in given_up.chunks) == slow
    after = analyse(b"int f() { return 1; }\n", "cpp", deadline_seconds=20)
    assert [d.name for d in after.declarations] == ["f"]


def test_the_deadline_is_kept() -> None:
    started = time.monotonic()
    analyse(b"int x = " + b"a<b," * 200_000, "cpp", deadline_seconds=0.2)
    assert time.monotonic() - started < 20  # hundreds of seconds and gigabytes without it


@pytest.mark.parametrize("language", ["python", "java", "go", "rust"])
def test_a_file_that_is_mostly_errors_is_cut_by_lines(language: str) -> None:
    syntax = analyse(b")]} => ?? <% %> ((( \xff\xfe :: \n" * 60, language, deadline_seconds=20)
    assert (syntax.fallback, syntax.declarations) == ("parse-errors", ())
    assert {chunk.kind for chunk in syntax.chunks} == {"text"}


def test_a_file_with_a_few_errors_is_still_parsed() -> None:
    source = b"def a(): return 1\n" * 20 + b"def b(:\n" + b"def c(): return 1\n" * 20
    syntax = analyse(source, "python", deadline_seconds=20)
    assert syntax.fallback == "" and len(syntax.declarations) >= 40


C_FUNCTIONS = "".join(f"int f{i}(int a) {{\n  if (a) {{ return {i}; }}\n  return g(a);\n}}\n" for i in range(40))
KOTLIN_FUNCTIONS = "".join(f"fun f{i}(a: Int): Int {{\n  return g(a)\n}}\n" for i in range(40))
ARRAY = "static int mib[][2] = {\n# ifdef A\n  { 1, 2 },\n# endif\n  { 3, 4 }\n  };\n"
BRANCHES = f"int h(void) {{\n#if B\n  if (x) {{\n{ARRAY}#elif C\n{ARRAY}#endif\n}}\n"


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("c", C_FUNCTIONS + BRANCHES),
        ("c", "#ifndef A\n" + C_FUNCTIONS + "int a[] = {\n"),
        ("cpp", "#ifndef A\nnamespace x {\n" + C_FUNCTIONS),
        ("kotlin", "class A {\n" + KOTLIN_FUNCTIONS + "  fun g() {\n"),
        ("csharp", "class A {\n" + C_FUNCTIONS + "int g( {{{\n"),
    ],
)
def test_an_error_around_nearly_everything_does_not_hide_what_is_whole(language: str, source: str) -> None:
    syntax = analyse(source.encode(), language, deadline_seconds=20)
    assert syntax.fallback == ""
    found = {declaration.name.rpartition(".")[2] for declaration in syntax.declarations}
    assert {f"f{i}" for i in range(40)} <= found


def test_what_the_parser_makes_up_is_no_declaration() -> None:
    """To go on after an error, it puts names where none stand."""
    source = b"class A extends B {\n  retries = 3;({\n    this.retries = 0;\n  constructor(url) {\n  }\n}"
    syntax = analyse(source, "javascript", deadline_seconds=20)
    assert syntax.declarations
    assert all(declaration.start_byte < declaration.end_byte for declaration in syntax.declarations)


def test_an_unknown_language_is_cut_by_lines() -> None:
    syntax = analyse(b"one\ntwo\n", "klingon", deadline_seconds=1)
    assert (syntax.language, [c.kind for c in syntax.chunks]) == ("klingon", ["text"])


def test_plain_languages_never_parse() -> None:
    for language in names() - set(PARSED):
        assert analyse(b"x: 1\n", language, deadline_seconds=0.0).fallback == ""


@pytest.mark.parametrize("language", PARSED)
def test_deep_nesting_does_not_crash(language: str) -> None:
    """In a process of its own, so that a crash of it is seen as one."""
    code = (
        "import sys; from treeseek.syntax import analyse\n"
        "for opening, closing in ('()', '[]', '{}', ('class A {', '}')):\n"
        "    for text in (opening * 50_000, opening * 50_000 + closing * 50_000):\n"
        "        assert analyse(text.encode(), sys.argv[1], deadline_seconds=0.2).chunks\n"
        "print('done')\n"
    )
    run = subprocess.run([sys.executable, "-c", code, language], capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr[-500:]


def test_texts_that_were_parsed_are_forgotten() -> None:
    def parse_some(number: int) -> None:
        for at in range(number):
            analyse(b"x = %d\n" % at * 2_000, "python", deadline_seconds=20)
        gc.collect()

    parse_some(3)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    parse_some(20)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000, "20 texts of 14 KB"


@pytest.fixture
def heeded() -> Iterator[None]:
    """Ctrl-C, also where the tests run in a shell's background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_ignored_ctrl_c_changes_nothing(heeded: None) -> None:
    text = b"x = [1, 2, 3]\n" * 20_000
    whole = analyse(text, "python", deadline_seconds=60)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    timer = threading.Timer(0.02, signal.raise_signal, [signal.SIGINT])
    timer.start()
    assert analyse(text, "python", deadline_seconds=60) == whole
    timer.join()


def test_ctrl_c_during_a_parse_is_neither_lost_nor_takes_text_away(heeded: None) -> None:
    text = b"x = [1, 2, 3]\n" * 20_000
    whole = analyse(text, "python", deadline_seconds=60)
    came = 0
    for delay in (0.001, 0.005, 0.02, 0.05):
        timer = threading.Timer(delay, signal.raise_signal, [signal.SIGINT])
        timer.start()
        try:
            assert analyse(text, "python", deadline_seconds=60) == whole
            timer.join()
        except KeyboardInterrupt:
            came += 1
        timer.join()
    assert came == 4
