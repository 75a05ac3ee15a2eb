"""Who does the work that is struck? A process that forks one worker after another, and dies with none of them.

`python -m chaos.child` imports what a sync needs, all but Lance and Arrow: their threads don't outlive a fork. Each
line of its input is one piece of work (`Order`) for the worker that lives, or else a new one. It is answered by the
worker's process id, when it begins, and by how it ended; for a worker that was killed its parent answers.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chaos import preload
from chaos.contents import Place, digest, held, of_rows
from treeseek import Engine
from treeseek.errors import TreeseekError
from treeseek.store import journal, steps
from treeseek.workspace import RootReader

__all__ = ["Answer", "Child", "Order"]

_SHORT_JOURNAL, _SHORT_KEPT = 48, 16
"""In a worker the journal is summed up this early, or hardly any campaign would see it happen."""


@dataclass(frozen=True, slots=True)
class Order:
    """One piece of work at the place `base`: an act of `ACTS`.

    `strike`: a step, and at which of its occurrences the worker kills itself. `fault`: which file operation below the
    `watched` directories fails, counted from 1, with which errno, and whether those that follow fail too. `record`: a
    directory to put a copy of the index into at every step and before every sync of a file, and a log of all operations
    between (`power` reads them). `clock`: by how many seconds the wall clock is wrong. All but the first need the
    library of `preload`.
    """

    act: str
    base: str
    strike: tuple[str, int] | None = None
    fault: tuple[int, str, bool] | None = None
    watched: tuple[str, ...] = ()
    record: str = ""
    clock: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """How a piece of work ended: "done", "failed" with an error, or "died" of a signal.

    `trace` is there for an error that isn't treeseek's own. `steps` were taken, in this order; `operations` is how many
    file operations were counted, `struck` the first that was made to fail. `seconds` is how long it took. `problems`
    are the kinds of those that a check found, `digest` that of the content that was read.
    """

    outcome: str
    version: int = 0
    error: str = ""
    message: str = ""
    trace: str = ""
    steps: tuple[str, ...] = ()
    operations: int = 0
    struck: str = ""
    seconds: float = 0.0
    signal: int = 0
    problems: tuple[str, ...] = ()
    digest: str = ""


class Child:
    """The process and its worker, as a campaign sees them. What they say on standard error goes to the file `log`."""

    def __init__(self, log: Path, environment: Mapping[str, str] | None = None) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chaos.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env=dict(os.environ, OPENBLAS_NUM_THREADS="1") | dict(environment or {}),
            )  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout

    def ask(self, order: Order, *, kill_after: float | None = None) -> tuple[Answer, bool]:
        """Return how an order ended, and whether its worker lives on.

        With `kill_after` the worker is killed so many seconds after it began, wherever it is then.
        """
        self._to.write(json.dumps(asdict(order)).encode() + b"\n")
        self._to.flush()
        worker = self._told()
        if isinstance(worker, dict):
            return _answer(worker), False
        if kill_after is None or select.select([self._from], [], [], kill_after)[0]:
            answer = _answer(self._told())
            return answer, answer.outcome != "died"
        os.kill(worker, signal.SIGKILL)
        told = [self._told()]
        while told[-1]["outcome"] != "died":  # it may just have been done
            told.append(self._told())
        return _answer(told[0]), False

    def _told(self) -> Any:
        line = self._from.readline()
        if not line:
            raise RuntimeError("the child's parent process is gone")
        return json.loads(line)

    def close(self) -> None:
        """End both processes."""
        self._to.close()
        self._process.wait(60)
        self._from.close()


def _answer(told: dict[str, Any]) -> Answer:
    return Answer(**told | {name: tuple(told.get(name, ())) for name in ("steps", "problems")})


# -- in the process itself -------------------------------------------------------------------------------------------


def _sync(engine: Engine) -> int:
    return engine.sync().version


def _rebuild(engine: Engine) -> int:
    return engine.sync(rebuild=True).version


def _tidy(engine: Engine) -> int:
    engine.tidy(force=True)
    return 0


def _migrate(engine: Engine) -> int:
    engine.migrate()
    return 0


def _repair(engine: Engine) -> int:
    engine.repair()
    return 0


def _race(engine: Engine) -> int:
    """Sync while files change in the very moment between their being seen and being read, and just after."""
    read = RootReader.read
    rng = random.Random(time.time_ns())

    def racing(reader: RootReader, path: str, max_bytes: int) -> bytes:
        file = engine.root / path
        change = rng.choice((None, "replace", "rewrite", "append", "remove"))
        if change == "replace":
            with file.with_name(file.name + ".part").open("wb") as other:
                other.write(file.read_bytes()[::-1].decode("ascii", "replace").encode())
            Path(other.name).replace(file)
        elif change == "rewrite":
            file.write_bytes(b"x" * file.stat().st_size)
        elif change == "remove":
            file.unlink()
        data = read(reader, path, max_bytes)
        if change == "append":
            with file.open("ab") as more:
                more.write(b"\n# more\n")
        return data

    RootReader.read = racing  # type: ignore[method-assign,assignment]
    try:
        return engine.sync().version
    finally:
        RootReader.read = read  # type: ignore[method-assign]


def _lose_root(engine: Engine) -> int:
    """Sync while the root is moved away after the first file was read."""
    read = RootReader.read

    def losing(reader: RootReader, path: str, max_bytes: int) -> bytes:
        data = read(reader, path, max_bytes)
        if engine.root.exists():
            engine.root.rename(engine.root.with_name("gone"))
        return data

    RootReader.read = losing  # type: ignore[method-assign,assignment]
    try:
        return engine.sync().version
    finally:
        RootReader.read = read  # type: ignore[method-assign]


def _search(engine: Engine) -> int:
    return engine.search("retry the upload of a token").version


def _read(engine: Engine) -> str:
    """Search, and return the digest of all rows."""
    _search(engine)
    found = held(engine.directory)
    return "" if found is None else digest(of_rows(found[0]))


def _verify(engine: Engine) -> list[str]:
    return [problem.kind for problem in engine.verify(percent=100).problems]


ACTS: dict[str, Callable[[Engine], int | str | list[str]]] = {
    "sync": _sync, "rebuild": _rebuild, "tidy": _tidy, "migrate": _migrate, "repair": _repair, "search": _search,
    "read": _read, "verify": _verify,
    "race": _race, "lose-root": _lose_root,
}  # fmt: skip


def main() -> None:
    """Fork a worker for the first order, and another one whenever one has died and there is another order."""
    _warm_up()
    while line := _line():
        assert len(list(Path("/proc/self/task").iterdir())) == 1, "a process with threads must not fork"
        worker = os.fork()
        if worker == 0:
            _work(line)
            os._exit(0)
        _, status = os.waitpid(worker, 0)
        if not os.WIFSIGNALED(status):
            return
        _tell({"outcome": "died", "signal": os.WTERMSIG(status)})


def _warm_up() -> None:
    """Load once what every worker would have to load."""
    import importlib

    from chaos.contents import expected
    from chaos.sources import planted

    for name in ("indexing.run", "indexing.renew", "indexing.following", "indexing.workers", "store.maintenance",
                 "store.repair", "store.migration", "store.verification", "retrieval.search"):  # fmt: skip
        importlib.import_module(f"treeseek.{name}")
    importlib.import_module("filelock")
    expected(planted(random.Random(0)))


def _work(line: bytes) -> None:
    """Do orders until there are no more."""
    import lance.fragment  # noqa: F401 - loaded before the work begins, as strikes are timed from there

    journal.MAX_ENTRIES, journal.KEPT_ENTRIES = _SHORT_JOURNAL, _SHORT_KEPT
    while line:
        told = json.loads(line)
        order = Order(**told)
        _tell(os.getpid())
        _tell(_done(order))
        line = _line()


def _done(order: Order) -> dict[str, Any]:
    taken: list[str] = []
    _listen(taken, order.strike)
    answer: dict[str, Any] = {"outcome": "done"}
    started = time.perf_counter()
    try:
        engine = Place(Path(order.base)).engine()
        if order.fault is not None:
            preload.arm(*order.fault, order.watched)
        if order.clock:
            preload.set_clock(order.clock)
        if order.record:
            _record(engine.directory, Path(order.record))
        told = ACTS[order.act](engine)
        answer[{int: "version", str: "digest", list: "problems"}[type(told)]] = told
    except Exception as error:  # noqa: BLE001 - whatever it is, the campaign judges it
        answer |= {"outcome": "failed", "error": type(error).__name__, "message": str(error)}
        if not isinstance(error, TreeseekError):
            answer["trace"] = traceback.format_exc()
    answer["seconds"] = time.perf_counter() - started
    if order.fault is not None:
        answer["operations"], answer["struck"] = preload.disarm()
    if order.clock:
        preload.set_clock(0)
    return answer | {"steps": taken}


def _listen(taken: list[str], strike: tuple[str, int] | None) -> None:
    counts: Counter[str] = Counter()

    def reached(step: str) -> None:
        taken.append(step)
        counts[step] += 1
        if strike is not None and (step, counts[step]) == tuple(strike):
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()

    steps.strike_with(reached)


def _record(index: Path, into: Path) -> None:
    """Keep the index's directory as it is at every step, and before every sync, of the one act that follows."""
    log = os.open(into / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    preload.record(log, [str(index)])
    numbers = itertools.count()
    sync = os.fsync

    def moment(step: str) -> None:
        name = f"{next(numbers):03} {step}"
        if index.exists():
            shutil.copytree(index, into / name)
        os.write(log, f"mark\t{name}\t\n".encode())

    def synced(fd: Any) -> None:
        moment("before-sync")
        sync(fd)

    os.fsync = synced
    steps.strike_with(moment)


def _line() -> bytes:
    """Return the next line of the input, read byte by byte: what follows it is for another process."""
    line = b""
    while (byte := os.read(0, 1)) and byte != b"\n":
        line += byte
    return line


def _tell(what: object) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()
