"""The fuzzing process of one target: `python -m fuzz.worker TARGET FOLDER [flags of libFuzzer] CORPUS...`.

What raises in Python is noted under FOLDER/findings, one input for each place where it does, the shortest; and the
fuzzer goes on. What kills the process leaves its input in FOLDER/last.
"""

from __future__ import annotations

import hashlib
import mmap
import sys
import traceback
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["treeseek"]):
    from fuzz.targets import TARGETS

__all__ = ["Last", "Notes", "main"]

_ROOM = 1 << 20


class Last:
    """The input that is being tried, in a file that survives the process: its length, then its bytes."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(_ROOM))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _ROOM)

    def set(self, data: bytes) -> None:
        """Note what is tried now."""
        self._map[4 : 4 + len(data)] = data
        self._map[:4] = len(data).to_bytes(4, "little")

    @staticmethod
    def of(path: Path) -> bytes:
        """Return what was tried last by a process that is gone."""
        data = path.read_bytes()
        return data[4 : 4 + int.from_bytes(data[:4], "little")]


class Notes:
    """The findings of a target, one file for each place in the code, with its traceback beside it."""

    def __init__(self, folder: Path, target: str) -> None:
        self._folder = folder
        self._target = target
        folder.mkdir(parents=True, exist_ok=True)
        self._shortest = {path.name: path.stat().st_size for path in folder.glob("*") if not path.suffix}

    def add(self, data: bytes, error: BaseException) -> None:
        """Note an input that raised `error`, unless a shorter one did so in the same place."""
        name = _place(error)
        if len(data) >= self._shortest.get(name, _ROOM):
            return
        self._shortest[name] = len(data)
        path = self._folder / name
        path.write_bytes(data)
        told = "".join(traceback.format_exception(error))
        home = f"fuzz/regressions/{self._target}"
        (self._folder / f"{name}.txt").write_text(
            f"reproduce: python -m fuzz.replay {self._target} {path}\n"
            f"keep:      mkdir -p {home} && cp {path} {home}/\n\n{told}",
            encoding="utf-8",
            errors="backslashreplace",
        )


def _place(error: BaseException) -> str:
    """Return a name for the kind of an error and where it was raised, of which frames of ours led there."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "treeseek" in frame.filename or "fuzz" in frame.filename][-3:]
    where = "".join(f"{Path(frame.filename).name}{frame.name}{frame.line}" for frame in ours)
    last = ours[-1] if ours else frames[-1]
    digest = hashlib.blake2b(where.encode(), digest_size=3).hexdigest()
    return f"{type(error).__name__}-{Path(last.filename).stem}-{last.name.strip('<>')}-{digest}"


def main() -> None:
    """Fuzz until libFuzzer's flags say to stop; this doesn't return."""
    _, name, told, *flags = sys.argv
    target, folder = TARGETS[name], Path(told)
    notes, last = Notes(folder / "findings", name), Last(folder / "last")

    def check(data: bytes) -> None:
        last.set(data)
        try:
            target.check(data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding, and is kept
            notes.add(data, error)

    options = {}
    if mutate := target.mutate:

        def mutator(data: bytes, most: int, seed: int) -> bytes:
            random = Random(seed)
            return (mutate(data, random) if random.random() < 0.5 else atheris.Mutate(data, most))[:most]

        options["custom_mutator"] = mutator
    atheris.Setup([sys.argv[0], *flags], check, **options)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
