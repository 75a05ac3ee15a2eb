"""One process of several over a directory: `process.py DIRECTORY KIND SEED`. Prints what it found, or dies trying."""

from __future__ import annotations

import os
import random
import resource
import shutil
import sys
import threading
from pathlib import Path

from tree_codec import Cache, SyntaxCodec, content_hash, fresh, program

from treeseek.cache import Budgets

NUMBERS = 30
EXPECTED = {number: fresh(program(number)) for number in range(NUMBERS)}


def hammer(cache: Cache, seed: int, rounds: int, wrong: list[int]) -> None:
    chosen = random.Random(seed)
    for _ in range(rounds):
        number = chosen.randrange(NUMBERS)
        data = program(number)
        if chosen.random() < 0.3:
            tree = cache.load(f"{number}.py", content_hash(data), "python")
        else:
            tree = cache.get_or_parse(
                f"{number % 7}.py", data, "python", content_hash(data), live=chosen.random() < 0.2
            )
            if tree is None:
                wrong.append(number)
        if tree is not None and tree != EXPECTED[number]:
            wrong.append(number)
        if chosen.random() < 0.02:
            cache.flush()


def main(directory: Path, kind: str, seed: int) -> None:
    wrong: list[int] = []
    if kind == "limited":  # no file may grow beyond this: how a full disk looks to LMDB
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    cache = Cache(SyntaxCodec(), directory, Budgets(hot=40_000, warm=20_000, cold=6_000, frozen=8 << 20))
    if kind == "write":  # until killed
        print("writing", flush=True)
        number = seed * 1_000_000
        while True:
            number += 1
            data = program(number)
            cache.get_or_parse("a.py", data, "python", content_hash(data))
    if kind == "limited":
        for number in range(1_000, 1_300):
            data = program(number)
            cache.get_or_parse("a.py", data, "python", content_hash(data))
    threads = [threading.Thread(target=hammer, args=(cache, seed * 100 + i, 60, wrong)) for i in range(16)]
    for thread in threads:
        thread.start()
    if kind == "delete":
        while any(thread.is_alive() for thread in threads):
            shutil.rmtree(directory, ignore_errors=True)
            threads[0].join(0.02)
    if kind == "fork":
        for i in range(8):
            if (child := os.fork()) == 0:
                hammer(cache, i, 30, wrong)
                cache.close()
                os._exit(1 if wrong or cache.statistics().failures else 0)
            wrong.extend([-1] * (os.waitpid(child, 0)[1] != 0))
    for thread in threads:
        thread.join()
    cache.close()
    statistics = cache.statistics()
    print(f"wrong={wrong} failures={statistics.failures} frozen_hits={statistics.tiers['frozen'].hits}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
