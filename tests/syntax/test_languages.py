"""Which language a file is in, and what importing the package loads."""

import subprocess
import sys

import pytest

from treeseek.syntax import detect, names, resolve
from treeseek.syntax.languages import LANGUAGES


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        ("src/a.rs", "", "rust"), ("a.mjs", "", "javascript"), ("a.jsx", "", "javascript"), ("a.ts", "", "typescript"),
               ("a.tsx", "", "tsx"), ("a.pyi", "", "python"), ("A.PY", "", "python"),
        ("a.go", "", "go"), ("A.java", "", "java"),
        ("a.c", "", "c"), ("a.hpp", "", "cpp"), ("a.cs", "", "csharp"), ("a.rake", "", "ruby"), ("Gemfile", "", "ruby"),
        ("a.php", "", "php"), ("a.kts", "", "kotlin"), ("a.sbt", "", "scala"), ("a.swift", "", "swift"),
        ("a.lua", "", "lua"), ("a.bats", "", "bash"), (".bashrc", "", "bash"), ("mix.exs", "", "elixir"),
        ("a.hs", "", "haskell"), ("a.zig", "", "zig"), ("README.md", "", "markdown"), ("a.yml", "", "yaml"),
        ("Dockerfile", "", "dockerfile"), ("docker/Dockerfile.dev", "", "dockerfile"), ("Makefile", "", "make"),
        ("Makefile.in", "", "make"), ("CMakeLists.txt", "", "cmake"), ("Cargo.lock", "", "toml"), ("a.txt", "", "text"),
        ("a.unheard-of", "", "text"), ("LICENSE", "", "text"), ("", "", "text"), ("odd\nname.py", "", "python"),
        ("run", "#!/usr/bin/env python3\n", "python"), ("run", "#!/usr/bin/python3.11 -u\n", "python"),
        ("run", "#!/usr/bin/env -S FOO=1 node --x\n", "javascript"), ("run", "#! /bin/sh\n", "bash"),
        ("run", "#!/usr/bin/env\n", "text"), ("run", "#!\n", "text"), ("run", "\ufeff#!/bin/bash\n", "bash"),
        ("a.h", "#include <stdio.h>\nint f(void);\n", "c"), ("a.h", "struct a { int class_id; };\n", "c"),
        ("a.h", "namespace a {\n", "cpp"), ("a.h", "class A : public B {\n", "cpp"), ("a.h", "std::string f();", "cpp"),
        ("a.h", "template <typename T>\nT f();", "cpp"), ("a.h", "/* a class of its own */\n", "c"),
    ],
)  # fmt: skip
def test_detection(path: str, head: str, language: str) -> None:
    assert detect(path, head.encode()) == language


@pytest.mark.parametrize(
    ("alias", "language"),
    [("ts", "typescript"), ("c++", "cpp"), ("C#", "csharp"), ("cs", "csharp"), ("js", "javascript"), ("py", "python"),
     ("rb", "ruby"), ("sh", "bash"), ("rs", "rust"), ("golang", "go"), ("kt", "kotlin"), ("hs", "haskell"),
     ("ex", "elixir"), ("Rust", "rust"), (" md ", "markdown"), ("klingon", None), ("", None)],
)  # fmt: skip
def test_aliases(alias: str, language: str | None) -> None:
    assert resolve(alias) == language


def test_the_table_holds_together() -> None:
    for what in ("extensions", "filenames", "interpreters", "aliases"):
        owners: dict[str, str] = {}
        for row in LANGUAGES.values():
            for value in getattr(row, what):
                assert owners.setdefault(value, row.name) == row.name or (what, value) == ("extensions", "h"), value
    assert names() == set(LANGUAGES)
    assert not [a for row in LANGUAGES.values() for a in row.aliases if a in names() and a != row.name]


def test_importing_loads_no_grammar() -> None:
    code = (
        "import sys, treeseek.syntax as s\n"
        "s.detect('a.py', b''); s.analyse(b'# A', 'markdown', deadline_seconds=1)\n"
        "print([m for m in sys.modules if m.startswith('tree_sitter')])\n"
        "s.analyse(b'x', 'go', deadline_seconds=1)\n"
        "print([m for m in sys.modules if m in ('tree_sitter_go', 'tree_sitter_java')])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["[]", "['tree_sitter_go']"]
