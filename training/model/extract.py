"""From a list of local git repositories to pairs of words and code, a file a repository."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from treeseek.learning.bags import Examples
from treeseek.learning.repository import Limits, extract
from treeseek.syntax import detect
from treeseek.syntax.languages import LANGUAGES

LINE_CHARS = 30
"""Shorter lines are everybody's."""
SHARED_LINES, SHARED_PART = 2, 0.5
"""A text is shared if so many of its long lines, and this part of them, stand in what is kept out."""

EXCLUDED = frozenset(
    """
    aio-libs/aiohttp fastapi/fastapi pallets/flask encode/httpx MinishLab/model2vec pydantic/pydantic psf/requests
    encode/starlette axios/axios expressjs/express reduxjs/redux gin-gonic/gin spf13/cobra go-chi/chi google/gson
    apache/commons-lang FasterXML/jackson-databind guzzle/guzzle Seldaek/monolog laravel/framework sinatra/sinatra
    rack/rack rails/rails tokio-rs/tokio trpc/trpc MessagePack-CSharp/MessagePack-CSharp neuecc/MessagePack-CSharp
    ktorio/ktor typelevel/cats Alamofire/Alamofire SnapKit/SnapKit ReactiveX/RxSwift pallets/click serde-rs/serde
    colinhacks/zod nlohmann/json phoenixframework/phoenix tokio-rs/axum vitest-dev/vitest JamesNK/Newtonsoft.Json
    DapperLib/Dapper Kotlin/kotlinx.coroutines JetBrains/Exposed circe/circe http4s/http4s vapor/vapor
    elixir-plug/plug elixir-ecto/ecto abseil/abseil-cpp fmtlib/fmt curl/curl redis/redis libuv/libuv
    bats-core/bats-core haskell/aeson nvim-telescope/telescope.nvim folke/lazy.nvim neovim/nvim-lspconfig ziglang/zig
    nvm-sh/nvm Bash-it/bash-it jgm/pandoc xmonad/xmonad nvim-mini/mini.nvim echasnovski/mini.nvim zigtools/zls
    Hejsil/zig-clap
    """.split()
)
"""The repositories that the public retrieval benchmark asks about, or once did: never learnt from."""

_LICENCES = (
    ("Apache-2.0", r"Apache License,?\s+Version 2\.0|apache\.org/licenses/LICENSE-2\.0|Apache[- ]2\.0"),
    ("ISC", r"Permission to use, copy, modify, and(?:/or)? distribute this software"),
    ("MIT", r"Permission is hereby granted, free of charge|\bMIT License\b"),
    ("BSD", r"Redistribution and use in source and\s+binary forms|\bBSD[- ][23]-Clause\b"),
)
_OTHER = r"GNU (?:LESSER |AFFERO )?GENERAL PUBLIC LICENSE|Mozilla Public License|Business Source License|Boost Software"
_LICENCE_FILE = re.compile(r"(?:un)?licen[cs]e|copying|copyright|mit-license", re.IGNORECASE)


def git(directory: Path, *arguments: str) -> str:
    """Return what git prints, or raise CalledProcessError."""
    return subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(directory), *arguments], check=True, capture_output=True
    ).stdout.decode("utf-8", "replace")


def licence_of(directory: Path, revision: str) -> str:
    """Return the licence of a revision, by the text of its licence files: MIT, BSD, Apache-2.0, ISC, several, or ""."""
    names = [
        name for name in git(directory, "ls-tree", "--name-only", revision).splitlines() if _LICENCE_FILE.match(name)
    ]
    found = []
    for name in sorted(names):
        try:
            text = git(directory, "show", f"{revision}:{name}")[:20_000]
        except subprocess.CalledProcessError:
            continue
        if re.search(_OTHER, text[:2_000], re.IGNORECASE):
            return ""
        found += [licence for licence, mark in _LICENCES if re.search(mark, text, re.IGNORECASE)]
    return " AND ".join(dict.fromkeys(found))


def long_lines(directories: list[Path]) -> set[int]:
    """Return the hashes of all long lines of source in some directories."""
    lines: set[int] = set()
    for directory in directories:
        for path in sorted(directory.rglob("*")):
            if path.is_file() and LANGUAGES[detect(path.name, b"")].reader == "syntax":
                stripped = map(bytes.strip, path.read_bytes().split(b"\n"))
                lines |= {hash(line) for line in stripped if len(line) >= LINE_CHARS}
    return lines


def sharing(lines: set[int]) -> Callable[[str], bool]:
    """Return what tells whether a text shares lines with what is kept out."""

    def is_shared(text: str) -> bool:
        long = [line for line in map(bytes.strip, text.encode().split(b"\n")) if len(line) >= LINE_CHARS]
        shared = sum(hash(line) in lines for line in long)
        return shared >= SHARED_LINES and shared >= SHARED_PART * len(long)

    return is_shared


def listed(path: Path) -> list[tuple[str, str]]:
    """Return the repositories (owner/name) and revisions of a list: a name a line, or the weights' provenance."""
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        return [(one["github"], one["revision"]) for one in json.loads(text)["learned_from"]]
    return [(line.strip(), "HEAD") for line in text.splitlines() if line.strip()]


def directory_of(mirror: Path, name: str) -> Path | None:
    """Return the git directory of a repository: `MIRROR/OWNER+NAME`, or `repo` in it; None if it isn't there."""
    base = mirror / name.replace("/", "+")
    places = (base / "repo" / ".git", base / "repo", base / ".git", base)
    return next((place for place in places if (place / "HEAD").exists()), None)


def run(mirror: Path, repositories: list[tuple[str, str]], out: Path, keep_out: list[Path]) -> None:
    """Extract every repository of a list that isn't extracted yet; the licence and the revision go beside the pairs."""
    out.mkdir(parents=True, exist_ok=True)
    lines = long_lines(keep_out)
    print(f"{len(lines):,} lines are kept out", file=sys.stderr)
    is_foreign = sharing(lines)
    for name, revision in repositories:
        target = out / f"{name.replace('/', '+')}.npz"
        directory = directory_of(mirror, name)
        if target.exists() or directory is None:
            print(f"{'have' if target.exists() else 'missing'}: {name}", file=sys.stderr)
            continue
        licence = licence_of(directory, revision)
        if name in EXCLUDED or not licence:
            reason = "of the benchmark" if name in EXCLUDED else "no permissive licence"
            print(f"left out: {name}: {reason}", file=sys.stderr)
            continue
        begun = time.perf_counter()
        pairs, left_out = extract(directory, name, Limits(), revision=revision, is_foreign=is_foreign)
        examples = Examples.of(pairs)
        told = {
            "github": name, "revision": git(directory, "rev-parse", revision).strip(), "licence": licence,
            "pairs": len(examples), "kinds": dict(sorted(Counter(pair.kind for pair in pairs).items())),
            "left_out": dict(left_out),
        }  # fmt: skip
        part = target.with_suffix(".part.npz")
        np.savez(part, **examples.arrays(), told=np.array(json.dumps(told)))
        part.rename(target)
        print(f"{time.perf_counter() - begun:6.1f} s {json.dumps(told)}", file=sys.stderr, flush=True)
