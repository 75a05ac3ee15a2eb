"""A transformer on this machine: an ONNX model and its tokenizer, from a directory or an installed package.

Each text runs alone, and several run at once in threads: a model with dynamic quantisation scales a whole batch by its
largest value, so that in a batch the same text would get another vector in other company. It costs nothing: one text is
work enough for a core, and nothing is padded. Needs the extra `onnx`, downloads nothing.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek import telemetry
from treeseek.embedding.context import normalized
from treeseek.embedding.protocol import EmbedderIdentity, Forecast, Part, Usage
from treeseek.embedding.spec import Spec
from treeseek.errors import EmbeddingError, MissingExtraError, UsageError

__all__ = ["OnnxEmbedder", "transformer"]

USUAL_FILES = ("model.onnx", "onnx/model.onnx")
"""Which of several is meant, unless the option `file` says another."""
MAX_TOKENS = 256
"""Of a text: a chunk has at most 2,000 bytes, and most models were trained on less."""
PART_TEXTS = 16
"""So many texts are tokenised at once, and their vectors told."""


def transformer(spec: Spec, threads: int = 0) -> OnnxEmbedder:
    """Return the embedder for a model. Raises UsageError for a wrong option, EmbeddingError if there is none."""
    pooling = spec.text("pooling", "mean")
    if pooling not in ("mean", "cls"):
        raise UsageError(f"the embedder's option pooling={pooling[:40]!r} is neither mean nor cls")
    prefixes = spec.text("text_prefix"), spec.text("query_prefix")
    return OnnxEmbedder(
        _directory(spec.model), spec.text("file"), pooling=pooling, max_tokens=spec.whole("tokens", MAX_TOKENS),
        prefixes=prefixes, threads=threads,
    )  # fmt: skip


def _directory(name: str) -> Path:
    """Return the directory that is meant: one of that name, or the one inside of a package that holds a tokenizer."""
    directory = Path(name).expanduser()
    if directory.is_dir():
        return directory
    package = name.replace("-", "_")
    found = find_spec(package) if package.isidentifier() else None
    for place in (found.submodule_search_locations or ()) if found is not None else ():
        tokenizers = sorted(Path(place).rglob("tokenizer.json"), key=lambda path: (len(path.parts), path))
        if tokenizers:
            return tokenizers[0].parent
    raise EmbeddingError(f"{name[:200]} is neither a directory nor an installed package with a model in it")


def _model_file(directory: Path, named: str) -> Path:
    """Return the model's file. Raises EmbeddingError if there is none, or several and none named."""
    if named:
        if not (directory / named).is_file():
            raise EmbeddingError(f"{directory} has no file {named[:200]}")
        return directory / named
    found = sorted(directory.rglob("*.onnx"))
    usual = [directory / name for name in USUAL_FILES if directory / name in found]
    chosen = found if len(found) == 1 else usual
    if not chosen:
        several = f"several models ({', '.join(path.name for path in found[:5])}); choose one with file=…"
        raise EmbeddingError(f"{directory} holds {several if found else 'no .onnx file'}")
    return chosen[0]


class OnnxEmbedder:
    """Mean or first token of a transformer's last layer, or what the model itself pools. Threads share it.

    Raises EmbeddingError when the directory has no model and tokenizer that fit together, as soon as that is known.
    """

    is_remote = False

    def __init__(
        self,
        directory: Path,
        file: str = "",
        *,
        pooling: str = "mean",
        max_tokens: int = MAX_TOKENS,
        prefixes: tuple[str, str] = ("", ""),
        threads: int = 0,
    ) -> None:
        self.directory = directory
        self._file = _model_file(directory, file)
        self._pooling, self._max_tokens = pooling, max_tokens
        self._text_prefix, self._query_prefix = prefixes
        self._threads = threads or os.cpu_count() or 1
        self._texts = self._tokens = self._truncated = 0

    @functools.cached_property
    def identity(self) -> EmbedderIdentity:
        """The width, 16 hex digits of the SHA-256 of model and tokenizer, what is done to texts; not where they lie."""
        digest = hashlib.sha256()
        try:
            for path in (self._file, self.directory / "tokenizer.json"):
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise EmbeddingError(
                f"can't read {error.filename}: {error.strerror}; is it a model's directory?"
            ) from error
        prefixes = (self._text_prefix, self._query_prefix)
        prepared = f"{self._pooling}+normalized+tokens={self._max_tokens}"
        prepared += "+prefixes=" + repr(prefixes) if any(prefixes) else ""
        return EmbedderIdentity("onnx", "1", self._width, digest.hexdigest()[:16], prepared)

    @property
    def _width(self) -> int:
        """The width of the vectors, as the configuration has it, which spares loading the model, or the model has."""
        try:
            width = json.loads((self.directory / "config.json").read_bytes()).get("hidden_size")
        except (OSError, ValueError, AttributeError):
            width = None
        if type(width) is not int:
            width = self._session.get_outputs()[0].shape[-1]
        if type(width) is not int or not 0 < width <= 8_192:
            raise EmbeddingError(f"{self._file} doesn't say how wide its vectors are")
        return int(width)

    @functools.cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("an ONNX model needs onnxruntime: pip install 'treeseek[onnx]'") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(str(self._file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's errors have no common base
            raise EmbeddingError(f"can't load {self._file}: {str(error).splitlines()[0][:200]}") from error

    @functools.cached_property
    def _tokenizer(self) -> Any:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingExtraError("an ONNX model needs tokenizers: pip install 'treeseek[onnx]'") from error
        path = self.directory / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # as above
            raise EmbeddingError(f"can't load {path}: {str(error).splitlines()[0][:200]}") from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(self._max_tokens)
        return tokenizer

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return an array of shape (len(texts), dims)."""
        out = np.zeros((len(texts), self.identity.dims), np.float32)
        for numbers, vectors in self.embed_parts(texts):
            out[list(numbers)] = vectors
        return out

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return one vector of shape (dims,)."""
        vector: NDArray[np.float32] = self._vectors([text], self._query_prefix)[0]
        return vector

    def embed_parts(self, texts: Sequence[str], deadline: float = float("inf")) -> Iterator[Part]:
        """Yield vectors as they come, those of long texts first: the last ones to end are then short."""
        order = sorted(range(len(texts)), key=lambda number: -len(texts[number]))
        parts = (order[at : at + PART_TEXTS] for at in range(0, len(order), PART_TEXTS))
        with ThreadPoolExecutor(self._threads, thread_name_prefix="treeseek-onnx") as pool:

            def begin(numbers: list[int]) -> Future[Part]:
                return pool.submit(self._part, numbers, [texts[number] for number in numbers])

            pending = {begin(numbers) for numbers in islice(parts, self._threads)}
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                if time.monotonic() < deadline:
                    pending |= {begin(numbers) for numbers in islice(parts, len(done))}
                for future in done:
                    yield future.result()

    def forecast(self, sizes: Sequence[int]) -> Forecast:
        """Return what texts of so many bytes would take: nothing but time, which depends on the machine."""
        return Forecast(0, sum(size // 4 + 1 for size in sizes), 0.0, None)

    def usage(self) -> Usage:
        """Return what was done so far."""
        return Usage(texts=self._texts, tokens=self._tokens, truncated=self._truncated)

    def close(self) -> None:
        """Nothing to let go of: the model stays loaded."""

    def _part(self, numbers: list[int], texts: Sequence[str]) -> Part:
        return numbers, self._vectors(texts, self._text_prefix)

    def _vectors(self, texts: Sequence[str], prefix: str) -> NDArray[np.float32]:
        encoded = self._tokenizer.encode_batch([prefix + text for text in texts])
        out = np.zeros((len(texts), self.identity.dims), np.float32)
        for row, (text, tokens) in enumerate(zip(texts, encoded, strict=True)):
            if text.strip():
                out[row] = self._pooled(self._run(tokens), np.array(tokens.attention_mask, np.float32))
        truncated = sum(bool(tokens.overflowing) for tokens in encoded)
        self._count(len(texts), sum(len(tokens.ids) for tokens in encoded), truncated)
        if not np.isfinite(out).all():
            raise EmbeddingError(f"{self._file} gives what is no number; is the file whole?")
        return normalized(out)

    def _run(self, tokens: Any) -> NDArray[np.float32]:
        given = {"input_ids": tokens.ids, "attention_mask": tokens.attention_mask, "token_type_ids": tokens.type_ids}
        wanted = [node.name for node in self._session.get_inputs()]
        if unknown := [name for name in wanted if name not in given]:
            raise EmbeddingError(f"{self._file} wants {unknown[0]!r}, which no text encoder of a known kind does")
        try:
            output: NDArray[np.float32] = self._session.run(
                None, {name: np.array([given[name]], np.int64) for name in wanted}
            )[0]
        except Exception as error:  # as in `_session`
            raise EmbeddingError(f"{self._file} failed: {str(error).splitlines()[0][:200]}") from error
        return output

    def _pooled(self, output: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one vector from an output of shape (1, tokens, dims), or (1, dims) if the model has pooled."""
        if output.ndim == 3 and self._pooling == "mean":
            output = (output[0] * mask[:, None]).sum(axis=0, keepdims=True) / max(float(mask.sum()), 1.0)
        elif output.ndim == 3:
            output = output[:, 0]
        if output.shape != (1, self.identity.dims):
            raise EmbeddingError(f"{self._file} gives {output.shape[-1]} dimensions, not {self.identity.dims}")
        vector: NDArray[np.float32] = output[0]
        return vector

    def _count(self, texts: int, tokens: int, truncated: int) -> None:
        self._texts, self._tokens = self._texts + texts, self._tokens + tokens
        self._truncated += truncated
        for noun, amount in (("texts", texts), ("tokens", tokens), ("truncated", truncated)):
            telemetry.count(f"treeseek_embedding_{noun}_total", amount, provider="onnx")
