"""What is there to index? Small trees in many languages, made from a seed, and what a day's work makes of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["Files", "edited", "planted", "write"]

Files = dict[str, bytes]
"""The bytes of every file of a tree, by path."""

_WORDS = tuple(
    "retry upload parse token lease journal cursor branch merge vector shard index digest flush replay quota".split()
)


def _python(name: str, n: int) -> str:
    return f'def {name}(path, limit={n}):\n    """Do {name}."""\n    return [path] * limit\n\n\nclass {name.title()}:\n    def run(self):\n        return {n}\n'  # noqa: E501


def _javascript(name: str, n: int) -> str:
    return f"/** Does {name}. */\nexport function {name}(a) {{\n  return a + {n};\n}}\n\nclass K{n} {{\n  {name}() {{ return {n}; }}\n}}\n"  # noqa: E501


def _go(name: str, n: int) -> str:
    return f"package x\n\n// {name} does it.\nfunc {name}(a int) int {{\n\treturn a * {n}\n}}\n\ntype T{n} struct {{ A int }}\n"  # noqa: E501


def _rust(name: str, n: int) -> str:
    return f"/// Does {name}.\npub fn {name}(a: u32) -> u32 {{\n    a + {n}\n}}\n\npub struct S{n};\n\nimpl S{n} {{\n    fn {name}(&self) {{}}\n}}\n"  # noqa: E501


def _java(name: str, n: int) -> str:
    return f"class C{n} {{\n    /** {name}. */\n    int {name}(int a) {{\n        return a - {n};\n    }}\n}}\n"


def _c(name: str, n: int) -> str:
    return f"#include <stdio.h>\n\n/* {name} */\nint {name}(int a)\n{{\n    return a ^ {n};\n}}\n"


def _ruby(name: str, n: int) -> str:
    return f"# {name}\nmodule M{n}\n  def self.{name}(a)\n    a + {n}\n  end\nend\n"


def _markdown(name: str, n: int) -> str:
    return f"# On {name}\n\nWhat it does, {n} times.\n\n## Details of {name}\n\nÄußerst naïve.\n"


def _text(name: str, n: int) -> str:
    return "\n".join(f"{name} {i}" for i in range(n % 7)) + "\n" * (n % 2)


_SHAPES: dict[str, Callable[[str, int], str]] = {
    "py": _python, "js": _javascript, "go": _go, "rs": _rust, "java": _java, "c": _c, "rb": _ruby, "md": _markdown,
    "txt": _text,
}  # fmt: skip


def _content(rng: random.Random, extension: str) -> bytes:
    pieces = [
        _SHAPES[extension](f"{rng.choice(_WORDS)}_{rng.choice(_WORDS)}", rng.randrange(1000))
        for _ in range(rng.randint(1, 3))
    ]
    return "\n".join(pieces).encode()


def _free_path(rng: random.Random, files: Mapping[str, bytes]) -> str:
    while True:
        folder = rng.choice(("", "lib/", "lib/net/", "src/core/"))
        path = f"{folder}{rng.choice(_WORDS)}{rng.randrange(1000)}.{rng.choice(list(_SHAPES))}"
        if path not in files:
            return path


def planted(rng: random.Random) -> Files:
    """Return a first tree of 30 to 60 files."""
    files: Files = {}
    for _ in range(rng.randint(30, 60)):
        path = _free_path(rng, files)
        files[path] = _content(rng, path.rpartition(".")[2])
    return files


def edited(rng: random.Random, files: Mapping[str, bytes]) -> Files:
    """Return a tree after some work: at least one file differs; some are new, gone, moved, or have a name changed."""
    after = dict(files)
    for _ in range(rng.randint(1, 4)):
        path = rng.choice(sorted(after))
        act = rng.choice(("rewrite", "rename-in", "add", "append", "move", "delete"))
        if act == "add" or (act in ("move", "delete") and len(after) < 30):
            path = _free_path(rng, after)
            after[path] = _content(rng, path.rpartition(".")[2])
        elif act == "move":
            suffix = path.rpartition(".")[2]
            after[_free_path(rng, after).rpartition(".")[0] + f"m.{suffix}"] = after.pop(path)
        elif act == "delete" and len(after) > 30:
            del after[path]
        elif act == "append":
            after[path] += _content(rng, path.rpartition(".")[2])
        elif act == "rename-in":
            old, new = rng.choice(_WORDS).encode(), f"{rng.choice(_WORDS)}{rng.randrange(100)}".encode()
            after[path] = after[path].replace(old, new)
        else:
            after[path] = _content(rng, path.rpartition(".")[2])
    return after if after != files else edited(rng, files)


def write(root: Path, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> None:
    """Make the files below `root`, which hold `before`, those of `after`."""
    for path in before.keys() - after.keys():
        (root / path).unlink()
    for path, data in after.items():
        if before.get(path) != data:
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
