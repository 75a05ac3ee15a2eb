"""A hit is the declaration that answers: all of it, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import treeseek
from treeseek import Engine, Filters
from treeseek.retrieval.spans import MAX_TEXT_BYTES
from treeseek.settings import load

SMALL = "".join(
    f'def {name}_total(rows):\n    """Add up the {name} of all rows."""\n'
    f"    return sum(row.{name} for row in rows)\n\n\n"
    for name in ("price", "weight", "volume", "postage")
)


def long_function(name: str, lines: int) -> str:
    body = "".join(f"    step_{i} = measure(rows, {i}) + offset_of({i})\n" for i in range(lines))
    return f'def {name}(rows):\n    """Calibrate every sensor in turn."""\n{body}    return finish(step_0)\n'


CLASS = '"""Greenhouses."""\n\n\nclass Greenhouse:\n    """Holds plants at an even temperature."""\n\n' + "\n".join(
    f"    def regulate_{part}(self, sensor):\n"
    f'        """Keep the {part} within its limits."""\n'
    + "".join(f"        self.{part}_{i} = sensor.read({i}) * self.gain\n" for i in range(12))
    for part in ("humidity", "light", "airflow", "carbon", "soil", "shade")
)
RUBY = "module Access\n  # Whether somebody may enter.\n  def self.trusted?(guest)\n    guest.known\n  end\n\n" + (
    "  def self.trust!(guest)\n    guest.known = true\n  end\nend\n"
)
FILES = {
    "totals.py": SMALL,
    "middle.py": long_function("calibrate_middle", 60),
    "endless.py": long_function("calibrate_endless", 400),
    "greenhouse.py": CLASS,
    "access.rb": RUBY,
    "minified.js": "var start=0;" + "".join(f"function f{i}(a){{return a*{i}+start}};" for i in range(900)) + "\n",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    root = tmp_path_factory.mktemp("spans")
    for name, text in FILES.items():
        (root / name).write_text(text)
    (root / ".treeseekignore").write_text("!minified.js\n")
    with treeseek.open(root, load({}, data_dir=tmp_path_factory.mktemp("data"))) as engine:
        engine.sync()
        yield engine


def lines(name: str) -> list[str]:
    return FILES[name].split("\n")


@pytest.mark.parametrize("query", ["weight_total", "weightTotal", "add up the weight of all rows"])
def test_one_of_several_in_a_chunk_is_cut_free(engine: Engine, query: str) -> None:
    hit = engine.search(query).hits[0]
    assert (hit.path, hit.name, hit.start_line, hit.end_line) == ("totals.py", "weight_total", 6, 8)
    assert hit.text == "\n".join(lines("totals.py")[5:8])
    assert all(6 <= line <= 8 for line in hit.matched_lines)


@pytest.mark.parametrize("query", ["calibrate_middle", "offset_of 55 step_55"])
def test_what_has_several_chunks_comes_whole_and_once(engine: Engine, query: str) -> None:
    hits = [hit for hit in engine.search(query, limit=20).hits if hit.path == "middle.py"]
    assert [(hit.name, hit.start_line, hit.end_line) for hit in hits] == [("calibrate_middle", 1, 63)]
    assert hits[0].text == FILES["middle.py"].rstrip("\n")
    assert not hits[0].is_cut


def test_what_is_too_long_to_be_shown_has_its_span_and_its_first_part(engine: Engine) -> None:
    hit = engine.search("calibrate_endless").hits[0]
    assert (hit.start_line, hit.end_line) == (1, 403)
    assert hit.is_cut
    assert FILES["endless.py"].startswith(hit.text)
    assert MAX_TEXT_BYTES / 2 < len(hit.text) <= MAX_TEXT_BYTES
    middle = engine.search("offset_of 333 step_333", filters=Filters(include=("endless.py",))).hits[0]
    assert middle.start_line < 336 <= middle.end_line < 403, "a part that speaks is better than a head that doesn't"
    assert middle.text == "\n".join(lines("endless.py")[middle.start_line - 1 : middle.end_line])


def test_what_holds_others_has_its_span_and_its_head(engine: Engine) -> None:
    hit = engine.search("Greenhouse").hits[0]
    assert (hit.kind, hit.name, hit.start_line) == ("class", "Greenhouse", 4)
    assert hit.end_line == len(lines("greenhouse.py")) - 1
    assert hit.is_cut
    assert hit.text.split("\n")[0] == "class Greenhouse:"
    member = engine.search("Greenhouse.regulate_soil").hits[0]
    assert (member.name, member.end_line - member.start_line) == ("Greenhouse.regulate_soil", 13)


def test_marks_of_a_name_are_not_needed_to_find_it(engine: Engine) -> None:
    for query, name in (("trusted?", "Access.trusted?"), ("trusted", "Access.trusted?"), ("trust", "Access.trust!")):
        assert engine.search(query).hits[0].name == name


def test_the_symbol_is_shown_and_not_a_name_that_is_like_it(engine: Engine) -> None:
    hit = engine.search("volume_total").hits[0]
    assert hit.name == "volume_total"
    hits = engine.search("volume_totals").hits
    assert hits[0].name == "volume_total", "nothing is spelled so; the same words are"


def test_only_kinds_that_are_asked_for_are_cut_free(engine: Engine) -> None:
    hits = engine.search("regulate_soil", filters=Filters(kinds=("class",))).hits
    assert hits
    assert {hit.kind for hit in hits} == {"class"}


@pytest.mark.parametrize("query", ["f77", "start", "return a"])
def test_a_line_without_end_is_shown_in_part(engine: Engine, query: str) -> None:
    hits = [hit for hit in engine.search(query, limit=50).hits if hit.path == "minified.js"]
    assert hits
    for hit in hits:
        assert (hit.start_line, hit.end_line) == (1, 1)
        assert len(hit.text) <= MAX_TEXT_BYTES


def test_symbols_and_related_show_the_same_lines_as_a_search(engine: Engine) -> None:
    for name in ("weight_total", "calibrate_middle", "Greenhouse"):
        (symbol, *_), (found, *_) = engine.symbols(name).hits, engine.search(name).hits
        assert (symbol.start_line, symbol.end_line, symbol.text) == (found.start_line, found.end_line, found.text)
        declared = [one for one in engine.outline(found.path).declarations if one.name == found.name]
        assert [(one.start_line, one.end_line) for one in declared] == [(found.start_line, found.end_line)]
    near = engine.related("endless.py", 3).hits
    assert ("calibrate_middle", 1, 63) in [(hit.name, hit.start_line, hit.end_line) for hit in near]


def test_every_text_is_the_file_s_from_its_first_line_on(engine: Engine) -> None:
    root = Path(engine.root)
    for query in ("rows", "sensor", "guest", "measure step", "add up the price"):
        for hit in engine.search(query, limit=30).hits:
            if hit.path != "minified.js":
                source = (root / hit.path).read_text().split("\n")
                shown = hit.text.split("\n")
                assert [line.rstrip() for line in source[hit.start_line - 1 :][: len(shown)]] == [
                    line.rstrip() for line in shown
                ]
                assert all(hit.start_line <= line <= hit.end_line for line in hit.matched_lines)


def test_what_was_found_beside_the_main_declaration_is_shown(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    body = "".join(f"    row_{i} = read(rows, {i})\n" for i in range(30))
    (tmp_path / "root" / "one.py").write_text(
        f"def measure(rows):\n{body}    return row_1\n\n\nregister(turbine_gauge=5)\n"
    )
    for number in range(9):
        (tmp_path / "root" / f"other{number}.py").write_text(f"def other_{number}():\n    return {number}\n")
    settings = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    with treeseek.open(tmp_path / "root", settings) as engine:
        engine.sync()
        assert "turbine_gauge" in engine.search("turbine_gauge").hits[0].text
        assert engine.search("measure rows").hits[0].name == "measure"
