"""The recipe of the bundled weights: what it learns from, and what it must not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from training.model import benchmark, extract, fit, held_out, judge

from treeseek.embedding.static import bundled
from treeseek.embedding.weights_file import read
from treeseek.learning.judging import collection
from treeseek.learning.trainer import Recipe


def repository(mirror: Path, name: str, files: dict[str, str]) -> None:
    root = mirror / name.replace("/", "+") / "repo"
    root.mkdir(parents=True)
    for path, text in files.items():
        (root / path).write_text(text, "utf-8")
    run = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "Say what each function does"]):
        subprocess.run([*run, *arguments], cwd=root, check=True)


MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any person\n"
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3\n\nBSD-3-Clause parts: see below\n"


def source(word: str) -> str:
    return "".join(
        f'def {deed}_{word}(path, limit):\n    """{deed.title()} the {word} of a path up to a limit."""\n'
        f"    found = look_for_{word}(path, pace=limit)\n    if not found:\n        return {deed}(limit)\n"
        f"    return found.{deed}(path, limit)\n\n\n"
        for deed in ("open", "close", "measure", "rename")
    )


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    top = tmp_path / "mirror"
    repository(top, "some/one", {"LICENSE": MIT, "a.py": source("socket"), "b.py": source("shared")})
    repository(top, "some/other", {"LICENSE": MIT, "a.py": source("cookie")})
    repository(top, "some/copyleft", {"LICENSE": GPL, "a.py": source("buffer")})
    repository(top, "pallets/click", {"LICENSE": MIT, "a.py": source("option")})
    return top


NAMES = ["some/one", "some/other", "some/copyleft", "some/missing", "pallets/click"]


@pytest.fixture
def pairs(mirror: Path, tmp_path: Path) -> Path:
    benchmark = tmp_path / "benchmark"
    benchmark.mkdir()
    (benchmark / "b.py").write_text(source("shared"))
    extract.run(mirror, [(name, "HEAD") for name in NAMES], tmp_path / "pairs", [benchmark])
    return tmp_path / "pairs"


def test_only_permissive_repositories_outside_the_benchmark_are_learnt_from(pairs: Path) -> None:
    told = [one for one, _ in fit.stored(pairs)]
    assert [one["github"] for one in told] == ["some/one", "some/other"]
    assert {one["licence"] for one in told} == {"MIT"}
    assert all(len(one["revision"]) == 40 for one in told)


def test_lines_of_the_benchmark_are_not_learnt(pairs: Path) -> None:
    words, _, _ = fit.numbered(pairs)
    assert "socket" not in words or "shared" not in words
    told = {one["github"]: one for one, _ in fit.stored(pairs)}
    assert told["some/one"]["left_out"]["shared"] > 0
    assert "shared" not in told["some/other"]["left_out"]


def test_the_weights_can_be_made_again_from_their_provenance(pairs: Path, mirror: Path, tmp_path: Path) -> None:
    recipe = Recipe(steps=5, batch=16, groups=2)
    fit.run(pairs, tmp_path / "one", recipe)
    again = extract.listed(tmp_path / "one" / "provenance.json")
    assert [name for name, _ in again] == ["some/one", "some/other"]
    extract.run(mirror, again, tmp_path / "again", [tmp_path / "benchmark"])
    fit.run(tmp_path / "again", tmp_path / "other", recipe)
    for name in ("vectors.npy", "scales.npy", "vocab.txt", "provenance.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_the_bundled_weights_come_from_no_repository_of_the_benchmark() -> None:
    told = json.loads((bundled().directory / "provenance.json").read_text("utf-8"))
    names = {one["github"] for one in told["learned_from"]}
    assert not names & extract.EXCLUDED
    assert not names & set(told["held_out"])


def test_narrow_vectors_still_find_something() -> None:
    weights = read(bundled().directory)
    judged = collection(
        [("a.py", ["parse the tokens of a file"]), ("b.py", ["open a socket to a server"])],
        [("connect to a host", [1]), ("syntax tree", [0])],
    )
    for dims in judge.WIDTHS:
        assert judge.mean_ndcg([judged], weights, dims) == 1


def test_what_a_question_was_taken_from_is_not_there_to_be_found(mirror: Path, tmp_path: Path) -> None:
    judged = held_out.of_repository(mirror / "some+one" / "repo", "some/one")
    assert len(judged.paths) == 2
    assert len(judged.queries) == 9  # eight documented functions, and the commit, which changed both files
    assert sorted(map(sorted, judged.right)) == [[0], [0], [0], [0], [0, 1], [1], [1], [1], [1]]
    said = {judged.words[i] for i in judged.queries.ids.tolist()}
    shown = {judged.words[i] for i in judged.chunks.ids.tolist()}
    assert "up" in said - shown  # "Open the socket of a path up to a limit."


def test_the_benchmark_is_read_once(tmp_path: Path) -> None:
    root = tmp_path / "corpus" / "tiny" / "lib"
    root.mkdir(parents=True)
    (root / "a.py").write_text(source("socket"))
    (root / "b.py").write_text(source("cookie"))
    asked = {"repo": "tiny", "query": "open the socket of a path", "relevant": [{"path": "lib/a.py"}], "secondary": []}
    lost = asked | {"query": "what nobody wrote", "relevant": [{"path": "lib/zzz.py"}]}
    (tmp_path / "queries.jsonl").write_text(f"{json.dumps(asked)}\n{json.dumps(lost)}\n")
    (tmp_path / "repos.json").write_text(json.dumps([{"repo": "tiny", "root": "lib"}]))
    places = (tmp_path / "queries.jsonl", tmp_path / "repos.json", tmp_path / "corpus", tmp_path / "kept.pickle")
    found = benchmark.read(*places)
    assert found["tiny"].right == [[0], [-1]]
    (root / "a.py").unlink()
    assert benchmark.read(*places)["tiny"].right == found["tiny"].right
    assert judge.mean_ndcg(found.values(), read(bundled().directory), 64) == 0.5
