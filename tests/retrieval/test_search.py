"""Searches of a small project: the right place first, filters that filter, and clear words for what can't be."""

from __future__ import annotations

from pathlib import Path

import pytest

import treeseek
from treeseek import Engine, Filters, NotIndexedError, UsageError
from treeseek.model import Hit
from treeseek.retrieval.budget import count_tokens
from treeseek.settings import load


def paths(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.path for hit in hits]


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("where do we retry failed uploads?", "src/upload/retry_policy.py"),
        ("exponential backoff", "src/upload/retry_policy.py"),
        ("RetryPolicy", "src/upload/retry_policy.py"),
        ("retry_policy", "src/upload/retry_policy.py"),
        ("url routing", "src/http/router.py"),
        ("Router.add_route", "src/http/router.py"),
        ("router::resolve", "src/http/router.py"),
        ("least recently used cache eviction", "src/cache/lru.go"),
        ("json parser with comments", "web/src/parseJSON.ts"),
        ("parse_json", "web/src/parseJSON.ts"),
        ("test that the router resolves a route", "tests/test_router.py"),
    ],
)
def test_the_right_file_comes_first(engine: Engine, question: str, path: str) -> None:
    assert engine.search(question).hits[0].path == path


def test_a_hit_says_where_and_what(engine: Engine) -> None:
    hit = engine.search("sleep with exponential backoff").hits[0]
    lines = (engine.root / hit.path).read_text().split("\n")
    assert hit.text.strip("\n") == "\n".join(lines[hit.start_line - 1 : hit.end_line]).strip("\n")
    assert hit.language == "python"
    assert 0 < hit.score <= 1
    assert any("exponential backoff" in lines[line - 1] for line in hit.matched_lines)
    assert all(hit.start_line <= line <= hit.end_line for line in hit.matched_lines)


def test_every_file_speaks_once_before_any_speaks_twice(engine: Engine) -> None:
    found = paths(engine.search("router handler url path upload", limit=50).hits)
    distinct = len(set(found))
    assert len(set(found[:distinct])) == distinct
    assert len(found) > distinct, "then second chunks follow"


def test_scores_descend_among_first_chunks_and_the_minimum_holds(engine: Engine) -> None:
    hits = engine.search("router", limit=50).hits
    firsts = [hit.score for i, hit in enumerate(hits) if hit.path not in paths(hits[:i])]
    assert firsts == sorted(firsts, reverse=True)
    bar = sorted(firsts)[len(firsts) // 2]
    kept = engine.search("router", limit=50, filters=Filters(min_score=bar)).hits
    assert kept and all(hit.score >= bar for hit in kept)
    assert len(kept) < len(hits)


@pytest.mark.parametrize(
    ("filters", "allowed"),
    [
        (Filters(languages=("go",)), {"src/cache/lru.go"}),
        (Filters(languages=("golang",)), {"src/cache/lru.go"}),
        (Filters(include=("src/**/*.py", "!report.py")), {"src/upload/retry_policy.py", "src/http/router.py"}),
        (Filters(include=("*a*a*a*a*a*a*a*a*a*a*a*a*a*b",)), set()),
        (
            Filters(include=("*.py",)),
            {"src/report.py", "src/upload/retry_policy.py", "src/http/router.py", "tests/test_router.py"},
        ),
        (
            Filters(include=("*.py",), exclude=("tests/",)),
            {"src/report.py", "src/upload/retry_policy.py", "src/http/router.py"},
        ),
        (Filters(path="src/http"), {"src/http/router.py"}),
        (Filters(path="./src/http/"), {"src/http/router.py"}),
        (Filters(path="src/ht"), set()),
        (Filters(languages=("go", "typescript"), path="web"), {"web/src/parseJSON.ts"}),
        (Filters(kinds=("section",)), {"docs/guide.md"}),
    ],
)
def test_filters_act_on_the_query(engine: Engine, filters: Filters, allowed: set[str]) -> None:
    unfiltered = engine.search("router upload cache json handler", limit=50).hits
    found = engine.search("router upload cache json handler", limit=50, filters=filters).hits
    assert set(paths(found)) == allowed
    assert len(found) < len(unfiltered)


def test_a_kind_filter_finds_what_is_declared_inside_a_joined_chunk(engine: Engine) -> None:
    found = engine.search("format date", filters=Filters(kinds=("function",))).hits
    assert "web/src/parseJSON.ts" in paths(found)
    assert not engine.search("format date", filters=Filters(kinds=("enum",))).hits


@pytest.mark.parametrize(
    ("query", "message"),
    [("", "empty"), ("  \n ", "empty"), ("!!! ???", "no letter or digit"), ("x" * 1_000_000, "1,000,000 characters")],
)
def test_queries_that_can_not_be(engine: Engine, query: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        engine.search(query)
    assert len(str(caught.value)) < 200


def test_a_query_of_stop_words_is_searched_as_it_stands(engine: Engine) -> None:
    assert "src/http/router.py" in paths(engine.search("for in").hits)


def test_a_query_about_nothing_here_finds_nothing(engine: Engine) -> None:
    assert engine.search("zzyzx qwfpgj").hits == ()


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (Filters(languages=("qwxz",)), "no language 'qwxz'; known are asciidoc, "),
        (Filters(languages=("pyton",)), "no language 'pyton'; did you mean python"),
        (Filters(kinds=("gizmo",)), "no kind 'gizmo'; known are block, class"),
        (Filters(kinds=("Function",)), "did you mean function"),
        (Filters(include=("a\nb",)), "line break"),
        (Filters(path="../secret"), "not inside the root"),
        (Filters(path="/etc"), "not inside the root"),
        (Filters(min_score=1.5), "between 0 and 1"),
        (Filters(min_score=float("nan")), "between 0 and 1"),
    ],
)
def test_filters_that_can_not_be(engine: Engine, filters: Filters, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        engine.search("router", filters=filters)


@pytest.mark.parametrize("limit", [0, -1, 100_000])
def test_limits_that_can_not_be(engine: Engine, limit: int) -> None:
    with pytest.raises(UsageError, match="limit"):
        engine.search("router", limit=limit)


@pytest.mark.parametrize("budget", [0, 20, 60, 200, 100_000])
def test_a_token_budget_is_never_exceeded(engine: Engine, budget: int) -> None:
    result = engine.search("router handler upload", limit=50, max_tokens=budget)
    spent = sum(count_tokens(f"{hit.path} {hit.name} {hit.signature}") + count_tokens(hit.text) for hit in result.hits)
    assert spent <= budget
    assert result.truncated == (budget < 100_000)
    for hit in result.hits:
        assert hit.end_line - hit.start_line + 1 >= len(hit.text.rstrip("\n").split("\n"))


def test_symbols_by_every_spelling(engine: Engine) -> None:
    def names(name: str) -> list[str]:
        return [hit.name for hit in engine.symbols(name).hits]

    assert names("RetryPolicy")[0] == "RetryPolicy"
    assert names("retry_policy")[0] == "RetryPolicy"
    assert names("parsejson")[0] == "parseJSON"
    assert names("Router.resolve") == ["Router.resolve"]
    assert names("Router::resolve") == ["Router.resolve"]
    assert names("LRU.resolve") == []
    assert "upload_with_retry" in names("upload")
    assert names("nothing_like_this") == []


def test_a_symbols_hit_is_the_declaration(engine: Engine) -> None:
    (hit,) = engine.symbols("LRU.Evict").hits
    assert hit.kind == "method"
    assert hit.text.startswith("// Evict drops the oldest entry.")
    lines = (engine.root / hit.path).read_text().split("\n")
    assert hit.text == "\n".join(lines[hit.start_line - 1 : hit.end_line])
    assert not engine.symbols("LRU.Evict", filters=Filters(kinds=("class",))).hits
    assert not engine.symbols("LRU.Evict", filters=Filters(languages=("python",))).hits
    with pytest.raises(UsageError, match="empty"):
        engine.symbols(" ")


def test_related_finds_the_neighbours_of_a_place_but_not_the_place(engine: Engine) -> None:
    hits = engine.related("src/http/router.py", 12).hits
    assert "tests/test_router.py" in paths(hits)[:2]
    assert all(not (hit.path == "src/http/router.py" and hit.start_line <= 12 <= hit.end_line) for hit in hits)
    for path, line in (("src/none.py", 1), ("src/http/router.py", 999)):
        with pytest.raises(UsageError, match="not in the index"):
            engine.related(path, line)


def test_related_fills_its_limit_with_files_before_any_comes_twice(engine: Engine) -> None:
    found = paths(engine.related("src/http/router.py", 7, limit=2).hits)
    assert len(found) == len(set(found)) == 2


def test_an_outline_is_of_the_file_as_it_is_now(engine: Engine) -> None:
    outline = engine.outline("src/cache/lru.go")
    assert [d.name for d in outline.declarations] == ["LRU", "LRU.Get", "LRU.Evict"]
    with pytest.raises(treeseek_error()):
        engine.outline("../outside.py")


def treeseek_error() -> type[Exception]:
    import treeseek

    return treeseek.TreeseekError


def test_searching_before_indexing_is_refused(project: object, tmp_path: object) -> None:
    import treeseek

    unindexed = treeseek.open(project, load({}, data_dir=tmp_path))  # type: ignore[arg-type]
    with pytest.raises(NotIndexedError, match="treeseek index"):
        unindexed.search("router")


def test_the_same_query_gives_the_same_hits(engine: Engine) -> None:
    assert engine.search("upload retry").hits == engine.search("upload retry").hits


@pytest.mark.parametrize(
    "question",
    [
        "how are passwords hashed with bcrypt and salted",
        "Kubernetes pod autoscaler metrics",
        "render markdown tables to pdf with page numbers",
        "SQL migration that adds a foreign key",
        "decode an mp3 frame header",
    ],
)
def test_what_nothing_answers_is_told_from_what_something_does(engine: Engine, question: str) -> None:
    doubted = engine.search(question)
    sure = engine.search("where do we retry failed uploads?")
    assert doubted.confidence is not None and sure.confidence is not None
    assert doubted.confidence < 0.25 < 0.7 < sure.confidence
    assert any("nothing here may answer" in note for note in doubted.notes) == bool(doubted.hits)
    assert not sure.notes


def test_a_score_is_the_chance_of_this_hit_among_all(engine: Engine) -> None:
    found = engine.search("url routing")
    assert found.confidence is not None
    assert all(hit.score <= found.confidence + 1e-3 for hit in found.hits)
    assert engine.symbols("Router").confidence is None


def test_a_hit_can_say_why(engine: Engine) -> None:
    hit = engine.search("RetryPolicy", explain=True).hits[0]
    assert hit.reasons is not None
    assert hit.reasons["defines_symbol"] > 1
    assert list(map(abs, hit.reasons.values())) == sorted(map(abs, hit.reasons.values()), reverse=True)
    assert engine.search("RetryPolicy").hits[0].reasons is None


def test_a_task_is_shown_more_places_of_likely_files_after_the_first_files(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    body = "\n".join(f"    step_{n} = call_{n}(step_{n})" for n in range(60))
    actions = ("open", "close", "retry", "cancel")
    (root / "invoice.py").write_text("\n\n".join(f"def {a}_invoice(invoice):\n{body}" for a in actions))
    for n in range(12):
        (root / f"other_{n}.py").write_text(f"def other_{n}(value):\n    # an invoice of {n}\n    return {n}\n")
    with treeseek.open(root, load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")) as engine:
        engine.sync()
        asked = [hit.path for hit in engine.search("the retrying of an invoice").hits]
        told = [hit.path for hit in engine.search("fix the retrying of an invoice").hits]
    assert asked.count("invoice.py") == 1
    assert told.count("invoice.py") > 1
    assert len(set(told[:5])) == 5


def test_an_identifier_that_is_only_used_is_found_where_it_is_spelled(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    for number in range(40):
        (top / f"saver{number}.py").write_text(
            f"def save_the_upload_{number}(upload):\n    '''Keep an upload freshly saved.'''\n    return upload\n"
        )
    (top / "zz.py").write_text("exclude('MD1')\n" * 20 + "\nbackend.freshly_saved_upload(1)\n")
    (top / "constants.py").write_text("import backend\n\nprint(backend.FRESHLY_SAVED_UPLOADS)\n")
    with treeseek.open(top, load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")) as engine:
        engine.sync()
        for question in ("freshly_saved_upload", "backend.freshly_saved_upload"):
            assert paths(engine.search(question).hits)[:2] == ["zz.py", "constants.py"]
        assert paths(engine.search("FRESHLY_SAVED_UPLOADS").hits)[:2] == ["constants.py", "zz.py"]
        assert "constants.py" in paths(engine.search("where is freshly_saved_upload used").hits)[:2]
        reasons = engine.search("freshly_saved_upload", explain=True).hits[0].reasons
        assert reasons is not None and next(iter(reasons)) == "spelled"


def test_a_message_that_was_pasted_is_found_where_it_stands(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    for number in range(40):
        said = "Keep what a closed shard held" if number < 6 else f"Weigh a parcel of kind {number}"
        (top / f"part{number}.py").write_text(f"def part_{number}(given):\n    '''{said}.'''\n    return given\n")
    body = "".join(f"    value_{i} = measure(rows, {i})\n" for i in range(20))
    (top / "zz.py").write_text(f"def request(rows):\n{body}    raise RuntimeError('Shard was closed')\n")
    with treeseek.open(top, load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")) as engine:
        engine.sync()
        for question in ("Shard was closed", '"shard was closed"', "RuntimeError: Shard was closed"):
            found = engine.search(question)
            assert found.hits[0].path == "zz.py"
            assert "Shard was closed" in found.hits[0].text
            assert found.confidence is not None and found.confidence >= 0.5


def test_there_is_an_answer_where_the_word_is_shown_that_was_asked_for(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    (top / "words.txt").write_text("alpha\nquixotry\nbeta\n" * 3)
    (top / "code.py").write_text("def other():\n    return 1\n")
    with treeseek.open(top, load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")) as engine:
        engine.sync()
        found = engine.search("quixotry")
        assert found.hits[0].path == "words.txt"
        assert found.confidence is not None and found.confidence >= 0.5
        nothing = engine.search("quixotics")
        assert nothing.confidence is not None and nothing.confidence < 0.5


def test_how_sure_an_answer_is_does_not_hang_on_how_many_hits_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treeseek.retrieval.rank.Model.chance_of_answer", lambda *_: 0.1)
    top = tmp_path / "top"
    top.mkdir()
    for number in range(2):
        (top / f"first{number}.py").write_text(
            f"def weights_{number}(weights):\n    '''All weights.'''\n    return weights\n"
        )
    (top / "words.txt").write_text("weight\n")
    for number in range(9):
        (top / f"other{number}.py").write_text(f"def other_{number}():\n    return {number}\n")
    settings = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", cache_query_bytes=0)
    with treeseek.open(top, settings) as engine:
        engine.sync()
        assert paths(engine.search("weight").hits)[2] == "words.txt"
        for explain in (False, True):
            told = [engine.search("weight", limit=limit, explain=explain).confidence for limit in (1, 2, 3, 10)]
            assert told == [0.8] * 4
        assert engine.search("weigh").confidence == 0.1
