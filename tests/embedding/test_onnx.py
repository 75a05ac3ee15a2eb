"""A transformer on this machine: real runtime, real tokenizer, and a small encoder that is written here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmarks.minilm import encoder, random_weights
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

import treeseek
from treeseek.embedding import load
from treeseek.embedding.onnx import OnnxEmbedder
from treeseek.errors import EmbeddingError
from treeseek.settings import Settings

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz_().:=0123456789"]
WORDS += [f"##{one}" for one in WORDS[4:]] + ["retry", "upload", "socket", "open", "close", "parse", "def", "return"]
HEADS, WIDTH, PLACES = 4, 32, 64
TEXTS = ["retry the upload", "open a socket and close it again", "def parse(x):\n    return x", "x", "é § 漢字 unknown"]

Model = Callable[..., Path]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Write a model's directory: `int8` or not, with a configuration or not."""

    def write(*, int8: bool = False, seed: int = 0, configured: bool = True) -> Path:
        directory = tmp_path_factory.mktemp("model")
        tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        tokenizer.enable_padding(length=40)  # as published ones may ask for, and nobody should heed
        tokenizer.save(str(directory / "tokenizer.json"))
        weights = random_weights(len(WORDS), WIDTH, 2, PLACES, seed)
        (directory / "model.onnx").write_bytes(encoder(weights, HEADS, int8=int8))
        if configured:
            (directory / "config.json").write_text(json.dumps({"hidden_size": WIDTH}))
        return directory

    return write


def by_hand(directory: Path, text: str, *, pooling: str = "mean", seed: int = 0, most: int = PLACES) -> np.ndarray:
    """BERT as its paper has it, in numpy."""
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(most)
    ids = tokenizer.encode(text).ids
    weights = {
        name: value.astype(np.float64) for name, value in random_weights(len(WORDS), WIDTH, 2, PLACES, seed).items()
    }

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: np.ndarray) -> np.ndarray:
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)

    def gelu(x: np.ndarray) -> np.ndarray:
        from math import erf

        return x * 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2)))

    def table(name: str) -> np.ndarray:
        return weights[f"embeddings.{name}_embeddings.weight"]

    x = norm(table("word")[ids] + table("position")[: len(ids)] + table("token_type")[0])
    for at in ("encoder.layer.0", "encoder.layer.1"):
        q, k, v = (
            dense(x, f"{at}.attention.self.{one}").reshape(len(ids), HEADS, -1) for one in ("query", "key", "value")
        )
        scores = np.einsum("ihd,jhd->hij", q, k) / np.sqrt(WIDTH / HEADS)
        chances = np.exp(scores - scores.max(-1, keepdims=True))
        chances /= chances.sum(-1, keepdims=True)
        mixed = np.einsum("hij,jhd->ihd", chances, v).reshape(len(ids), WIDTH)
        x = norm(x + dense(mixed, f"{at}.attention.output.dense"))
        x = norm(x + dense(gelu(dense(x, f"{at}.intermediate.dense")), f"{at}.output.dense"))
    pooled = x.mean(axis=0) if pooling == "mean" else x[0]
    return pooled / np.linalg.norm(pooled)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_are_those_of_the_formula(model: Model, pooling: str) -> None:
    directory = model()
    vectors = OnnxEmbedder(directory, pooling=pooling, max_tokens=PLACES).embed(TEXTS)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, [by_hand(directory, text, pooling=pooling) for text in TEXTS], atol=1e-5)


def test_int8_is_near(model: Model) -> None:
    directory = model(int8=True)
    vectors = OnnxEmbedder(directory, max_tokens=PLACES).embed(TEXTS)
    assert ((vectors * [by_hand(directory, text) for text in TEXTS]).sum(axis=1) > 0.97).all()


@pytest.mark.parametrize("int8", [False, True])
def test_a_text_has_the_same_vector_to_the_bit_whatever_is_beside_it(model: Model, int8: bool) -> None:
    embedder = OnnxEmbedder(model(int8=int8), max_tokens=PLACES, threads=3)
    texts = [f"{text} {number}" for number in range(20) for text in TEXTS]
    together = embedder.embed(texts)
    assert np.array_equal(together, np.concatenate([embedder.embed([text]) for text in texts]))
    assert np.array_equal(together[7], embedder.embed_query(texts[7]))


def test_parts_hold_every_text_once(model: Model) -> None:
    embedder = OnnxEmbedder(model(), max_tokens=PLACES, threads=2)
    texts = ["retry " * (number % 9 + 1) for number in range(70)]
    numbers = [number for part, _ in embedder.embed_parts(texts) for number in part]
    assert sorted(numbers) == list(range(70))
    begun = [number for part, _ in embedder.embed_parts(texts, deadline=0.0) for number in part]
    assert 0 < len(begun) < 70, "what was begun ends, nothing else begins"


def test_blank_texts_have_no_direction_and_long_ones_are_cut_and_counted(model: Model) -> None:
    directory = model()
    embedder = OnnxEmbedder(directory, max_tokens=16)
    vectors = embedder.embed(["", "  \n", "retry " * 30])
    assert not vectors[:2].any()
    assert np.allclose(vectors[2], by_hand(directory, "retry " * 30, most=16), atol=1e-5)
    assert (embedder.usage().texts, embedder.usage().truncated) == (3, 1)
    assert embedder.embed([]).shape == (0, WIDTH)


def test_the_identity_follows_the_weights_and_what_is_done_to_texts_but_not_the_place(
    model: Model, tmp_path: Path
) -> None:
    directory = model()
    before = OnnxEmbedder(directory).identity
    directory.rename(tmp_path / "moved")
    directory = tmp_path / "moved"
    assert OnnxEmbedder(directory).identity == before
    others = [
        OnnxEmbedder(model(seed=1)), OnnxEmbedder(model(int8=True)), OnnxEmbedder(directory, pooling="cls"),
        OnnxEmbedder(directory, max_tokens=99), OnnxEmbedder(directory, prefixes=("a", "")),
    ]  # fmt: skip
    assert len({before, *(other.identity for other in others)}) == 6


def test_the_width_is_the_models_own_without_a_configuration(model: Model) -> None:
    assert OnnxEmbedder(model(configured=False)).identity.dims == WIDTH


def test_a_package_that_holds_a_model_is_found(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_small_model"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('not to be run')\n")
    model().rename(package / "files")
    monkeypatch.syspath_prepend(str(tmp_path))
    embedder = load(Settings(tmp_path, tmp_path, "onnx:some-small-model?tokens=32&query_prefix=query:%20"))
    assert isinstance(embedder, OnnxEmbedder)
    assert embedder.directory == package / "files"
    assert np.allclose(embedder.embed_query("retry"), by_hand(package / "files", "query: retry"), atol=1e-5)


def test_what_is_no_model_is_refused_in_one_line(model: Model, tmp_path: Path) -> None:
    def refused(name: object, message: str) -> None:
        with pytest.raises(EmbeddingError, match=message) as caught:
            load(Settings(tmp_path, tmp_path, f"onnx:{name}")).embed(["retry"])
        assert str(caught.value).isprintable()

    refused("no-such-package", "neither a directory nor an installed package")
    refused(tmp_path, "no .onnx file")
    refused(f"{tmp_path}?file=x.onnx", "has no file")
    directory = model()
    (directory / "other.onnx").write_bytes((directory / "model.onnx").read_bytes()[:100])
    assert OnnxEmbedder(directory).embed(["x"]).any(), "model.onnx is the usual name"
    refused(f"{directory}?file=other.onnx", "can't load")
    (directory / "model.onnx").rename(directory / "third.onnx")
    refused(directory, "choose one with file=")
    (directory / "tokenizer.json").write_text("{}")
    refused(f"{directory}?file=third.onnx", "can't load .*tokenizer.json")
    (directory / "tokenizer.json").unlink()
    refused(f"{directory}?file=third.onnx", "can't read .*tokenizer.json")


def test_a_configuration_of_another_model_is_noticed(model: Model) -> None:
    directory = model()
    (directory / "config.json").write_text('{"hidden_size": 48}')
    with pytest.raises(EmbeddingError, match="gives 32 dimensions, not 48"):
        OnnxEmbedder(directory).embed(["retry"])


def test_an_index_by_it_is_searched_and_reused(model: Model, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "upload.py").write_text("def retry_upload(socket):\n    return socket.open()\n")
    (root / "parse.py").write_text("def parse(text):\n    return text\n")
    settings = Settings(tmp_path / "data", tmp_path / "cache", f"onnx:{model(int8=True)}?tokens={PLACES}", workers=1)
    with treeseek.open(root, settings) as engine:
        assert engine.unasked() is None, "nothing leaves the machine"
        told = engine.estimate()
        assert (told.is_remote, told.texts, told.dollars) == (False, 4, 0.0)
        report = engine.sync()
        assert (report.chunks_embedded, report.usage["texts"]) == (2, 4)
        assert engine.search("retry the upload").hits[0].path == "upload.py"
        assert engine.sync(rebuild=True).chunks_embedded == 0
