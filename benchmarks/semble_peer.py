"""Run by an interpreter that has semble, not treeseek's: `benchmarks.peers` calls it by path.

    python semble_peer.py model WEIGHTS OUT          make a model2vec model of treeseek's weights
    python semble_peer.py index ROOT MODEL           index, and save the index where its own command line would
    python semble_peer.py search ROOT MODEL QUERIES  search every query, warm
    python semble_peer.py serve ROOT MODEL           index and search for each line of standard input

A line to `serve` is {"queries": [[TEXT, ALPHA], ...], "limit": 10}: the root is brought up to date, then every query is
searched. ALPHA weighs the model against BM25: null is semble's own choice, 0 leaves the model out.

Prints one JSON object, or one for each line, times in seconds.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any


def model(weights: Path, out: Path) -> dict[str, Any]:
    """Write the weights as a model2vec model: as many rows of as many dims as the model that semble downloads.

    Its tokeniser is WordPiece with lower case, so every word is there twice, at the start and within. Such a model
    costs what semble's own costs; what it finds is another matter and isn't measured with it.
    """
    import numpy as np
    from model2vec import StaticModel
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = (weights / "vocab.txt").read_text("utf-8").splitlines()
    tokens = ["[UNK]", *words, *(f"##{word}" for word in words)]
    wordpiece = models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]")
    tokenizer = Tokenizer(wordpiece)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    rows = (
        np.load(weights / "vectors.npy").astype(np.float32)
        * np.load(weights / "scales.npy").astype(np.float32)[:, None]
    )
    vectors = np.concatenate([np.zeros((1, rows.shape[1]), np.float32), rows, rows])
    StaticModel(vectors, tokenizer, normalize=True).save_pretrained(str(out))
    return {"rows": len(vectors), "dims": vectors.shape[1]}


def index(root: Path, model_path: str) -> dict[str, Any]:
    """Index the code under a root with semble's defaults and save it."""
    from semble import SembleIndex
    from semble.cache import save_index_to_cache

    made = SembleIndex.from_path(root, model_path=model_path)
    save_index_to_cache(made, str(root))
    return {"files": made.stats.indexed_files, "chunks": made.stats.total_chunks, "version": version("semble")}


def search(root: Path, model_path: str, queries: list[str]) -> dict[str, Any]:
    """Search every query once, after one that loads everything."""
    from semble import SembleIndex

    start = time.perf_counter()
    made = SembleIndex.from_path(root, model_path=model_path)
    made.search("warm up", top_k=10)
    first = time.perf_counter() - start
    seconds = []
    for query in queries:
        start = time.perf_counter()
        made.search(query, top_k=10)
        seconds.append(time.perf_counter() - start)
    return {"first": first, "seconds": seconds, "loaded": made.loaded_from_disk}


def serve(root: Path, model_path: str) -> None:
    """Answer each line of standard input with {"index", "seconds", "results"}."""
    from semble import SembleIndex
    from semble.cache import save_index_to_cache

    for line in sys.stdin:
        asked = json.loads(line)
        start = time.perf_counter()
        made = SembleIndex.from_path(root, model_path=model_path)
        if not made.loaded_from_disk:
            save_index_to_cache(made, str(root))
        indexed = time.perf_counter() - start
        made.search("warm up", top_k=10)
        seconds, results = [], []
        for query, alpha in asked["queries"]:
            start = time.perf_counter()
            found = made.search(query, top_k=asked["limit"], alpha=alpha)
            seconds.append(time.perf_counter() - start)
            results.append([[one.chunk.file_path, one.chunk.start_line, one.chunk.end_line] for one in found])
        print(json.dumps({"index": indexed, "seconds": seconds, "results": results}), flush=True)


def main() -> None:
    """Run the command."""
    what, first, second, *rest = sys.argv[1:]
    if what == "serve":
        serve(Path(first), second)
        return
    if what == "model":
        answer = model(Path(first), Path(second))
    elif what == "index":
        answer = index(Path(first), second)
    else:
        answer = search(Path(first), second, json.loads(Path(rest[0]).read_text("utf-8")))
    print(json.dumps(answer))


if __name__ == "__main__":  # its worker processes import this file
    main()
