"""From pairs to weights: vocabulary, start, training, a byte a number; and where they come from."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from treeseek.embedding.weights_file import quantised, write_directory
from treeseek.learning.bags import Examples, joined
from treeseek.learning.starts import co_occurring
from treeseek.learning.trainer import Recipe, train
from treeseek.learning.vocabulary import Numbering, choose

WORDS, DIMS = 32_000, 256
HELD_OUT = frozenset(
    """
    sharkdp/bat fastify/fastify honojs/hono tornadoweb/tornado marshmallow-code/marshmallow labstack/echo
    dgraph-io/badger square/retrofit jhy/jsoup tmux/tmux c-ares/c-ares google/leveldb autofac/Autofac
    lostisland/faraday slimphp/Slim coil-kt/coil typelevel/doobie apple/swift-argument-parser NeogitOrg/neogit
    rbenv/rbenv elixir-mint/mint yesodweb/wai karlseguin/http.zig
    """.split()
)
"""One or two repositories of each language that only judge: what the recipe should be is chosen by them."""


def stored(pairs: Path) -> list[tuple[dict[str, Any], Path]]:
    """Return what is said of each extracted repository to learn from, by name, and its file."""
    found = []
    for file in sorted(pairs.glob("*.npz")):
        if not file.name.endswith(".part.npz"):
            with np.load(file) as parts:
                told = json.loads(str(parts["told"]))
            if told["github"] not in HELD_OUT:
                found.append((told, file))
    return sorted(found, key=lambda one: str(one[0]["github"]))


def numbered(pairs: Path) -> tuple[list[str], Examples, list[dict[str, Any]]]:
    """Return the vocabulary, all pairs with their words numbered by it, and what they come from."""
    told, files = zip(*stored(pairs), strict=True)
    examples = joined(_read(file, i) for i, file in enumerate(files))
    words = choose(examples, WORDS)
    numbering = Numbering(words)
    query, text, path = (numbering.of(bags, examples.words) for bags in (examples.query, examples.text, examples.path))
    return words, Examples(words, query, text, path, examples.kind, examples.repo), list(told)


def _read(file: Path, repo: int) -> Examples:
    with np.load(file) as parts:
        return Examples.from_arrays({name: parts[name] for name in parts.files if name != "told"}, repo)


def run(pairs: Path, out: Path, recipe: Recipe) -> None:
    """Fit the model to all extracted pairs and write its weights as a directory."""
    begun = time.perf_counter()
    words, examples, told = numbered(pairs)
    print(f"{len(examples):,} pairs of {len(told)} repositories, {len(words):,} words", file=sys.stderr, flush=True)
    state = co_occurring(examples, len(words), DIMS, recipe.seed)
    recent: list[tuple[float, float]] = []

    def tell(step: int, loss: float, hits: float) -> None:
        recent.append((loss, hits))
        if step % 100 == 0:
            mean = np.mean(recent[-100:], axis=0)
            spent = f"{time.perf_counter() - begun:.0f} s, {time.process_time():.0f} s of CPU"
            print(
                f"step {step}: loss {mean[0]:.3f}, own text first {mean[1]:.3f}, {spent}", file=sys.stderr, flush=True
            )

    train(state, examples, recipe, tell)
    write_directory(out, quantised(words, state.table()), {
        "name": f"treeseek-static-{len(words) // 1000}k-{DIMS}",
        "recipe": {
            "run": "python -m training.model", "dim": DIMS, "vocabulary": len(words), "pairs": len(examples),
            "term_frequency": "square root", "quantisation": "int8 rows, float16 scale per row",
            "init": "latent semantic analysis of the texts themselves; no other model has a part in it",
            "training": asdict(recipe),
        },
        "figures": {},
        "held_out": sorted(HELD_OUT),
        "learned_from": [{key: one[key] for key in ("github", "revision", "licence", "pairs")} for one in told],
    })  # fmt: skip
    print(f"written: {out}, {time.process_time():.0f} s of CPU", file=sys.stderr)
