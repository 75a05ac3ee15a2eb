"""An index by a remote embedder: equal to one made without faults, paid for once, at any width, and never mixed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.loopback import Loopback

import treeseek
from treeseek import Engine
from treeseek.embedding import default_embedder
from treeseek.embedding.redacted import Redacted
from treeseek.embedding.remote import RemoteEmbedder
from treeseek.errors import AccessDeniedError, EmbeddingError
from treeseek.evaluation.evaluate import of_questions
from treeseek.evaluation.metrics import Place
from treeseek.evaluation.questions import Question
from treeseek.evaluation.variants import read_variants
from treeseek.frontends.cli.main import main
from treeseek.indexing.outgoing import is_remote
from treeseek.model import UnitColumns
from treeseek.retrieval.search import Ranker
from treeseek.settings import Settings

Opened = Callable[..., RemoteEmbedder]

SUBJECTS = ("socket", "parser", "cache", "retry", "upload", "router", "session", "token", "queue", "matrix")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    for number, subject in enumerate(SUBJECTS):
        parts = (
            f'def {subject}_{verb}(x):\n    """{verb} the {subject}."""\n' + f"    x = {verb}({subject})\n" * 45
            for verb in ("open", "close", "merge")
        )
        (root / f"{subject}.py").write_text("".join(parts))
        age(root / f"{subject}.py", number)
    return root


def age(path: Path, seconds: int = 1) -> None:
    """Set a time of long ago: what was only just written is read again."""
    import os

    os.utime(path, (10**6 + seconds, 10**6 + seconds))


def engine_of(
    tmp_path: Path, root: Path, embedder: Any, data: str = "data", cache: str = "cache", **more: Any
) -> Engine:
    return treeseek.open(root, Settings(tmp_path / data, tmp_path / cache, workers=1, **more), embedder=embedder)


def units(engine: Engine) -> dict[str, object]:
    store = engine._current_store()
    assert store is not None
    rows: UnitColumns = store.snapshot().rows()
    return {
        field.name: value.tobytes() if isinstance(value := getattr(rows, field.name), np.ndarray) else value
        for field in fields(rows)
    }


def texts_of(server: Loopback) -> set[str]:
    return {text for one in server.asked for text in one.texts}


@pytest.fixture
def sound(tmp_path: Path, root: Path, opened: Opened) -> Iterator[dict[str, object]]:
    """The units of an index that was made by a provider without faults."""
    with Loopback() as server, engine_of(tmp_path, root, opened(server, "openai"), "sound", "none") as engine:
        engine.sync()
        yield units(engine)


# -- faults ----------------------------------------------------------------------------------------------------


def test_faults_leave_no_trace_in_the_index(
    tmp_path: Path, root: Path, opened: Opened, sound: dict[str, object]
) -> None:
    faults = ["500", "shuffle", "cut", "drop", "throttle", "twice", "nan", "", "reset", "shuffle", "413"]
    with Loopback(faults, most_texts=5) as server:
        with engine_of(tmp_path, root, opened(server, "openai", batch=7)) as engine:
            report = engine.sync()
            assert units(engine) == sound
        assert set(server.paid.values()) == {1}
        assert report.usage["retries"] == 7
        assert report.usage["texts"] == len(server.paid)
        assert (report.chunks_embedded, report.chunks_reused, report.files) == (30, 0, 10)


def test_a_failure_keeps_what_was_paid_for_and_the_next_sync_goes_on(
    tmp_path: Path, root: Path, opened: Opened, sound: dict[str, object]
) -> None:
    with Loopback([""] * 12 + ["denied"]) as server:
        with engine_of(tmp_path, root, opened(server, "openai", batch=1, concurrency=2)) as engine:
            with pytest.raises(AccessDeniedError):
                engine.sync()
            assert not engine.indexed
            before = sum(server.paid.values())
            assert 11 <= before <= 13
        with engine_of(tmp_path, root, opened(server, "openai", batch=3)) as engine:
            estimate = engine.estimate()
            assert (estimate.texts, estimate.known) == (40, before)
            engine.sync()
            assert units(engine) == sound
        assert set(server.paid.values()) == {1}, "nothing was paid for twice"
        assert sum(server.paid.values()) == 40


def test_a_failure_commits_the_files_that_have_their_vectors(
    tmp_path: Path, root: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, sound: dict[str, object]
) -> None:
    from treeseek.indexing import plan, renew

    monkeypatch.setattr(renew, "GROUP_TEXTS", 8)
    monkeypatch.setattr(renew, "batched", lambda files: plan.batched(files, most_files=2))
    with Loopback([""] * 20 + ["denied"]) as server:
        with engine_of(tmp_path, root, opened(server, "openai", batch=1, concurrency=1)) as engine:
            with pytest.raises(AccessDeniedError):
                engine.sync()
            assert engine.indexed
            status = engine.status()
            assert 0 < status.files < 10
            assert status.pending["new"] == 10 - status.files
            report = engine.sync()
            assert (report.added, report.pending) == (10 - status.files, 0)
            assert units(engine) == sound
        assert set(server.paid.values()) == {1}


def test_a_failed_update_leaves_the_old_rows_of_its_files(tmp_path: Path, root: Path, opened: Opened) -> None:
    with Loopback() as server, engine_of(tmp_path, root, opened(server, "openai", batch=1)) as engine:
        engine.sync()
        before = units(engine)
        (root / "cache.py").write_text("def something_else():\n    return 1\n")
        age(root / "cache.py", 99)
        (root / "queue.py").unlink()
        server.coming = iter(["denied"] * 99)
        with pytest.raises(AccessDeniedError):
            engine.sync()
        after = units(engine)
        kept = [path != "queue.py" for path in before["path"]]  # type: ignore[attr-defined]
        assert after["path"] == [path for path, is_kept in zip(before["path"], kept, strict=True) if is_kept]  # type: ignore[call-overload]
        assert engine.status().pending == {"new": 0, "changed": 1, "deleted": 0}
        server.coming = iter(())
        assert engine.sync().changed == 1


def test_time_that_is_up_leaves_files_for_later(
    tmp_path: Path, root: Path, opened: Opened, sound: dict[str, object]
) -> None:
    with (
        Loopback(seconds=0.05) as server,
        engine_of(tmp_path, root, opened(server, "titan-v2", concurrency=1)) as engine,
    ):
        report = engine.sync(seconds=0.4)
        assert report.pending > 0
        engine.sync()
        assert set(server.paid.values()) == {1}
        assert engine.status().pending == {"new": 0, "changed": 0, "deleted": 0}


# -- reuse -----------------------------------------------------------------------------------------------------


def test_only_new_texts_are_sent(tmp_path: Path, root: Path, opened: Opened) -> None:
    with Loopback() as server, engine_of(tmp_path, root, opened(server, "openai")) as engine:
        engine.sync()
        server.asked.clear()
        text = (root / "cache.py").read_text()
        (root / "cache.py").write_text(text.replace("merge the cache", "merge the caches"))
        age(root / "cache.py", 50)
        report = engine.sync()
        assert (report.chunks_embedded, report.chunks_reused) == (1, 2)
        assert [one.texts for one in server.asked] and len(texts_of(server)) == 1
        server.asked.clear()
        (root / "sub").mkdir()
        (root / "cache.py").rename(root / "sub/cache.py")
        assert (report := engine.sync()).chunks_embedded == 0
        assert texts_of(server) == {"sub/cache.py"}
        assert report.parsed == 0
        server.asked.clear()
        engine.sync(rebuild=True)
        assert server.asked == []


def test_what_was_analysed_serves_every_embedder(tmp_path: Path, root: Path, opened: Opened) -> None:
    with Loopback() as server:
        with engine_of(tmp_path, root, opened(server, "openai")) as engine:
            engine.sync()
        with engine_of(tmp_path, root, opened(server, "titan-v2")) as engine:
            report = engine.sync()
            assert (report.parsed, report.reused, report.chunks_embedded) == (0, 10, 30)


def test_without_a_cache_it_works_and_pays_again(
    tmp_path: Path, root: Path, opened: Opened, sound: dict[str, object]
) -> None:
    off = {"cache_artifact_bytes": 0, "cache_vector_bytes": 0}
    with Loopback() as server, engine_of(tmp_path, root, opened(server, "openai"), **off) as engine:
        engine.sync()
        assert units(engine) == sound
        engine.sync(rebuild=True)
        assert set(server.paid.values()) == {2}


def test_damaged_vectors_are_made_again(tmp_path: Path, root: Path, opened: Opened, sound: dict[str, object]) -> None:
    from treeseek.cache.frozen import FrozenTier

    with Loopback() as server, engine_of(tmp_path, root, opened(server, "openai")) as engine:
        engine.sync()
        tier = FrozenTier(tmp_path / "cache/vectors", 1 << 30)
        environment = tier._environment
        assert environment is not None

        def spoil(transaction: Any) -> int:
            keys = [bytes(key) for key, _ in transaction.cursor() if bytes(key).startswith(b"t")]
            for key in keys[:5]:
                value = bytearray(transaction.get(key))
                value[7] ^= 1
                transaction.put(key, bytes(value))
            return len(keys)

        assert environment.write(spoil) == 40
        server.asked.clear()
        engine.sync(rebuild=True)
        assert len(texts_of(server)) == 5
        assert units(engine) == sound


# -- widths and identity ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "options", "dims"),
    [("titan-v1", {}, 1536), ("titan-v2", {}, 1024), ("titan-v2", {"dims": 512}, 512), ("openai", {"dims": 384}, 384),
     ("titan-v2", {"dims": 256}, 256)],
)  # fmt: skip
def test_every_width_is_indexed_and_searched(
    tmp_path: Path, root: Path, opened: Opened, provider: str, options: dict[str, Any], dims: int
) -> None:
    with Loopback(dims=dims) as server, engine_of(tmp_path, root, opened(server, provider, **options)) as engine:
        engine.sync()
        store = engine._current_store()
        assert store is not None
        rows = store.snapshot().rows()
        assert rows.vector.shape == (40, dims)
        assert rows.vector.dtype == np.float16
        lengths = np.linalg.norm(rows.vector.astype(np.float32), axis=1)
        assert np.allclose(lengths[rows.has_vector], 1, atol=2e-3)
        assert rows.has_vector.sum() == 30
        found = engine.search("merge the matrix")
        assert (found.hits[0].path, found.notes) == ("matrix.py", ())
        assert engine.related("matrix.py", 1).hits


def test_an_index_of_another_embedder_is_not_mixed_but_made_anew(tmp_path: Path, root: Path, opened: Opened) -> None:
    with Loopback() as server:
        small, wide = opened(server, "titan-v2", dims=256), opened(server, "titan-v2", dims=512)
        with engine_of(tmp_path, root, small) as engine:
            engine.sync()
            first = engine.directory / (engine.directory / "CURRENT").read_text().split()[0]
        with engine_of(tmp_path, root, wide) as engine:
            assert not engine.indexed
            with pytest.raises(treeseek.NotIndexedError):
                engine.search("matrix")
            assert engine.sync().chunks_embedded == 30
            assert engine.status().embedder == str(wide.identity)
            assert first.exists(), "the other generation stays to go back to"
            engine.roll_back()
        with engine_of(tmp_path, root, small) as engine:
            assert engine.indexed
            server.asked.clear()
            assert engine.search("merge the matrix").hits[0].path == "matrix.py"
            assert len(server.asked) == 1, "the question"
        with engine_of(tmp_path, root, None) as engine:
            assert not engine.indexed, "not for the bundled model either"


def test_another_redaction_is_another_index(
    tmp_path: Path, root: Path, opened: Opened, sound: dict[str, object]
) -> None:
    def redactor(texts: Any) -> list[str]:
        return [text.replace("matrix", "******") for text in texts]

    with Loopback() as server:
        embedder = opened(server, "openai")
        with engine_of(tmp_path, root, Redacted(embedder, redactor, "no-matrix")) as engine:
            engine.sync()
            engine.search("merge the matrix")
            assert not [text for text in texts_of(server) if "matrix" in text]
        with engine_of(tmp_path, root, embedder) as engine:
            assert not engine.indexed
            engine.sync()
            assert {"matrix.py"} < {text for text in texts_of(server) if "matrix" in text}
            assert units(engine) == sound


class Plain:
    """The bundled model as somebody else's embedder, which takes texts and knows no parts."""

    def __init__(self) -> None:
        self.identity = replace(default_embedder().identity, name="plain")

    def embed(self, texts: Any) -> np.ndarray:
        return default_embedder().embed(texts)

    def embed_query(self, text: str) -> np.ndarray:
        return default_embedder().embed_query(text)


def test_whoever_embeds_rows_and_context_are_the_same(tmp_path: Path, root: Path) -> None:
    (root / "empty.py").write_text("")
    (root / "blob.bin").write_bytes(b"\0\1")
    (root / "latin.py").write_bytes("def straße():\n    return 'é'\n".encode("latin-1"))
    for name in ("empty.py", "blob.bin", "latin.py"):
        age(root / name)
    with engine_of(tmp_path, root, None) as engine:
        engine.sync()
        by_tokens = units(engine)
        hits = engine.search("merge the matrix").hits
    with engine_of(tmp_path, root, Plain(), "other") as engine:
        engine.sync()
        assert units(engine) == by_tokens
        assert engine.search("merge the matrix").hits == hits


# -- searching without the embedder ----------------------------------------------------------------------------


def test_a_search_without_its_embedder_goes_by_words_and_says_so(tmp_path: Path, root: Path, opened: Opened) -> None:
    with Loopback() as server, engine_of(tmp_path, root, opened(server, "titan-v2")) as engine:
        engine.sync()
        server.coming = iter(["denied"])
        found = engine.search("merge the matrix")
        assert found.hits[0].path == "matrix.py"
        note = found.notes[-1]
        assert note.startswith("ranked by words alone")
        assert "no access" in note
        server.asked.clear()
        by_words = engine.search("merge the matrix", ranker=Ranker("lexical"))
        assert (found.hits, found.confidence) == (by_words.hits, by_words.confidence), "by the weights for words alone"
        assert server.asked == [], "and those need no vector"
        server.is_down = True
        assert engine.symbols("matrix_open").notes == (), "needs no embedder"


# -- the command line ------------------------------------------------------------------------------------------

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("TREESEEK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TREESEEK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TREESEEK_CONFIG", str(tmp_path / "none.toml"))

    def start(setting: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("TREESEEK_EMBEDDER", setting)
        code = main([*arguments, "--workers", "1"])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return start


def test_what_is_estimated_is_what_is_sent(run: Run, root: Path) -> None:
    with Loopback() as server:
        setting = server.setting("titan-v2", price=1000, tpm=6_000)
        code, out, _ = run(setting, "index", str(root), "--estimate", "--json")
        told = json.loads(out)
        assert (code, server.asked) == (0, [])
        assert told["embedder"].startswith("bedrock:amazon.titan-embed-text-v2:0@1:1024:remote+normalized+redacted=")
        assert (told["files"], told["texts"], told["known"], told["requests"]) == (10, 40, 0, 40)
        code, out, _ = run(server.setting("titan-v2", price=1000, tpm=0), "index", str(root), "--json")
        usage = json.loads(out)["usage"]
        assert (usage["texts"], usage["requests"]) == (40, 40)
        assert usage["tokens"] == sum(one.tokens for one in server.asked)
        assert usage["tokens"] <= told["tokens"] <= 2 * usage["tokens"]
        assert told["dollars"] == pytest.approx(told["tokens"] / 1000)
        assert usage["dollars"] == pytest.approx(usage["tokens"] / 1000)
        assert told["seconds"] == pytest.approx(told["tokens"] / 100, abs=0.01)
        code, out, _ = run(setting, "index", str(root), "--estimate")
        assert "0 texts" in out


def test_a_large_first_index_is_not_sent_from_a_pipe_unless_told(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treeseek.engine.UNASKED_TEXTS", 39)
    with Loopback() as server:
        setting = server.setting("openai")
        for command in (("index", str(root)), ("search", "matrix", str(root)), ("watch", str(root))):
            code, out, err = run(setting, *command)
            assert (code, out) == (2, "")
            assert "would send 40 texts, about" in err
            assert "--yes" in err
        assert server.asked == []
        code, out, _ = run(setting, "index", str(root), "--yes")
        assert code == 0
        assert "sent 40 texts in 1 request" in out
        assert run(setting, "search", "merge the matrix", str(root))[0] == 0
        monkeypatch.setattr("treeseek.engine.UNASKED_TEXTS", 40)
        assert run(server.setting("openai", dims=32, shorten="yes"), "index", str(root))[0] == 0


def test_another_embedder_is_a_variant_of_an_evaluation(tmp_path: Path, root: Path) -> None:
    base = Settings(tmp_path / "data", tmp_path / "cache", workers=1)
    asked = [Question("merge the matrix", (Place("matrix.py"),))]
    with Loopback() as server:
        variants = read_variants([f"embedder={server.setting('openai')}", "lexical"])
        remote: list[bool] = []
        found = of_questions(
            root, base, asked, variants, agree=lambda engine: remote.append(is_remote(engine.embedder))
        )
        assert [one.score.mrr for one in found.comparison.figures] == [1, 1, 1]
        assert remote == [False, True], "each index is agreed to"
        assert len(texts_of(server)) == 42, "those of the files, a question, and one to warm up"
        server.coming = iter(["", "denied"])
        with pytest.raises(EmbeddingError, match=r"embedder=.*can't be scored: ranked by words alone"):
            of_questions(root, base, asked, variants)


def test_an_evaluation_sends_nothing_from_a_pipe_unless_told(
    run: Run, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treeseek.engine.UNASKED_TEXTS", 39)
    (tmp_path / "asked.tsv").write_text("merge the matrix\tmatrix.py\n")
    with Loopback() as server:
        compare = f"embedder={server.setting('openai')}"
        code, out, err = run("static", "eval", str(tmp_path / "asked.tsv"), str(root), "--compare", compare)
        assert (code, out, server.asked) == (2, "", [])
        assert "would send 40 texts" in err


class Terminal(io.StringIO):
    """Somebody who types, or watches."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130), ("", 130)])
def test_on_a_terminal_somebody_is_asked(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setattr("treeseek.engine.UNASKED_TEXTS", 39)
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Loopback() as server:
        done, _, err = run(server.setting("openai", price=1000), "index", str(root))
        assert done == code
        assert "sends 40 texts, about" in err
        assert "for about $" in err
        assert len(server.asked) == (code == 0)


def test_an_update_that_fails_is_a_note_and_the_search_goes_on(run: Run, root: Path) -> None:
    with Loopback() as server:
        setting = server.setting("openai")
        run(setting, "index", str(root))
        (root / "new.py").write_text("def new():\n    return 1\n")
        server.coming = iter(["denied"] * 9)
        code, out, err = run(setting, "search", "merge the matrix", str(root))
        assert code == 0
        assert out.startswith("matrix.py")
        assert "not brought up to date" in err
        assert "ranked by words alone" in err


def test_errors_are_one_line_with_a_code(run: Run, root: Path) -> None:
    with Loopback(["denied"] * 9) as server:
        code, out, err = run(server.setting("openai"), "index", str(root), "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "access-denied"
    assert err.count("\n") == 1
    code, _, err = run("bedrock:titan-v9", "search", "x", str(root))
    assert code == 2
    assert "titan-v9" in err
