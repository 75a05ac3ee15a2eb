"""What is printed is safe, short and says where things are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeseek.errors import UsageError
from treeseek.frontends import documents, fit
from treeseek.frontends.cli import render
from treeseek.frontends.escapes import printable
from treeseek.frontends.globs import MAX_GLOBS, unbraced
from treeseek.model import Hit, IndexStatus, SearchResult, Skipped, SyncReport
from treeseek.retrieval.budget import count_tokens

HIT = Hit("id1", "a/b.py", "python", "function", "f", "def f()", 10, 13, 0.75, "def f():\n    x = 1\n\n    return x\n")


def lines_of(hit: Hit, columns: int = 80) -> list[str]:
    return "".join(render.hits([hit], render.plain, columns)).splitlines()


def test_a_hit_without_matches_shows_its_first_lines_that_are_not_blank() -> None:
    assert lines_of(HIT) == [
        "a/b.py:10-13  function f   0.75",
        "  10  def f():",
        "  11      x = 1",
        "  13      return x",
    ]


def test_a_hit_shows_the_lines_that_match_without_common_indentation() -> None:
    assert lines_of(replace(HIT, matched_lines=(11, 13)))[1:] == ["  11  x = 1", "  13  return x"]


def test_at_most_six_lines_and_no_number_that_is_not_there() -> None:
    long = replace(HIT, text="x\n" * 50, matched_lines=(2, *range(10, 30), 99))
    assert [line.split()[0] for line in lines_of(long)[1:]] == ["10", "11", "12", "13", "14", "15"]


def test_a_place_without_a_name_or_a_second_line() -> None:
    assert lines_of(replace(HIT, name="", kind="text", end_line=10, text=""))[0] == "a/b.py:10  text   0.75"


def test_lines_are_cut_at_the_width() -> None:
    assert lines_of(replace(HIT, text="x" * 500), 60)[1] == "  10  " + "x" * 53 + "…"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x7f\x9b\u202e\ufeff\udcff", "\\x7f\\u009b\\u202e\\ufeff\\udcff"),
        ("naïve — 日本語 🎉", "naïve — 日本語 🎉"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(text: str, safe: str) -> None:
    assert printable(text) == safe


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_json_of_any_text_is_safe_to_print_and_says_the_same(text: str) -> None:
    document = documents.dumped(documents.failure("internal", text))
    document.encode()
    assert document.count("\n") == 1
    assert printable(document.removesuffix("\n")) == document.removesuffix("\n")
    assert json.loads(document)["error"]["message"] == text


HITS = st.lists(
    st.builds(
        replace, st.just(HIT), text=st.text(alphabet="ab _\n.", max_size=60), path=st.sampled_from(["a", "b/c d"])
    ),
    max_size=5,
)


@given(HITS, st.integers(1, 300))
def test_a_cut_document_fits_and_holds_the_first_hits(hits: list[Hit], budget: int) -> None:
    result = SearchResult("q", tuple(hits), 1)

    def encoded(part: SearchResult) -> str:
        return documents.dumped(documents.answer("search", "/root", part))

    cut = fit.cut_result(result, budget, encoded)
    if cut is None:  # a document without hits has nothing to cut, and must not call itself cut
        assert count_tokens(encoded(replace(result, hits=(), truncated=bool(hits)))) > budget
        return
    assert count_tokens(encoded(cut)) <= budget
    assert [hit.id for hit in cut.hits] == [hit.id for hit in hits[: len(cut.hits)]]
    assert all(cut_hit.text == hit.text for cut_hit, hit in zip(cut.hits[:-1], hits, strict=False))
    assert all(hit.text.startswith(cut_hit.text) for cut_hit, hit in zip(cut.hits, hits, strict=False))
    assert cut.truncated == (cut.hits != result.hits)


@given(st.lists(st.text(alphabet="ab _.", max_size=30).map(lambda line: line + "\n")), st.integers(1, 80))
def test_cut_lines_are_as_many_as_fit(lines: list[str], budget: int) -> None:
    kept = fit.cut_lines(lines, budget)
    assert kept == lines[: len(kept)]
    assert count_tokens("".join(kept)) <= budget
    assert len(kept) == len(lines) or count_tokens("".join(lines[: len(kept) + 1])) > budget


def test_an_index_report_in_words() -> None:
    report = SyncReport(
        3, files=1200, scanned=1300, added=1, changed=2, parsed=1, reused=2, chunks_embedded=1, chunks_reused=4000,
        pending=7, seconds=1.26, causes={"new": 1, "content": 2}, reasons={"a": 1, "b": 1000},
    )  # fmt: skip
    assert "".join(render.index_report("/r", "/d", report)).splitlines() == [
        "/r: 1,200 files, 1 added, 2 changed, 1 chunk embedded, 4,000 reused, in 1.3 s",
        "  scanned 1,300 files; looked at 2 content, 1 new; parsed 1, reused 2; 7 left for the next time",
        "  left out or cut by lines: 1,000 b, 1 a (listed by `treeseek status --skipped`)",
        "  index: /d",
    ]
    assert render.index_report("/r", "/d", SyncReport(3, files=1))[0] == "/r: 1 file, up to date, in 0.0 s\n"


def test_a_status_in_words() -> None:
    state = IndexStatus("/r", True, "/d", 4, 5, 6, 7_300_000, "static@1", {"go": 2}, [Skipped("x\n", "binary", "why")],
                        {"new": 0, "changed": 2, "deleted": 0})  # fmt: skip
    out = "".join(render.status(state, render.plain, skipped=True))
    for expected in (
        "5 files, 6 chunks, version 4",
        "2 go",
        "7.3 MB in /d",
        "2 changed\n",
        "1 binary\n",
        "binary  x\\n  why\n",
    ):
        assert expected in out
    assert "new" not in out


@pytest.mark.parametrize(
    ("glob", "globs"),
    [
        ("*.py", ["*.py"]),
        ("*.{c,h}", ["*.c", "*.h"]),
        ("{a,b}/*.{c,h}", ["a/*.c", "a/*.h", "b/*.c", "b/*.h"]),
        ("x{,.min}.js", ["x.js", "x.min.js"]),
        ("{a,{b,a}}", ["a", "b"]),
        (r"\{a,b}", [r"\{a,b}"]),
        ("[{]a,b}", ["[{]a,b}"]),
        ("{a}", ["{a}"]),
        ("{a,b", ["{a,b"]),
        ("", [""]),
    ],
)
def test_braces_spell_out_globs(glob: str, globs: list[str]) -> None:
    assert sorted(unbraced(glob)) == globs


@given(st.text(alphabet="{},[]\\a", max_size=40))
def test_any_glob_spells_out_a_few_or_is_refused(glob: str) -> None:
    try:
        globs = unbraced(glob)
    except UsageError:
        return
    assert 1 <= len(set(globs)) == len(globs) <= MAX_GLOBS
