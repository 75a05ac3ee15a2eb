"""What part does a file play? Told from its path alone: tests, examples, documents, copies, and contracts, which state
types and interfaces, answer fewer questions than the code they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Roles"]

TEST_PARTS = frozenset(
    """
    test tests spec specs __tests__ testing testdata fixtures fixture mocks mock e2e
    """.split()
)
EXAMPLE_PARTS = frozenset(
    """
    example examples sample samples demo demos benchmark benchmarks bench benches playground sandbox
    """.split()
)
DOCUMENT_EXTENSIONS = frozenset(
    """
    md rst txt adoc html css json yaml yml toml xml svg lock cfg ini
    """.split()
)
COPY_PARTS = frozenset(
    """
    compat legacy deprecated old v1 v2 v3 classic vendor third_party generated
    """.split()
)
CONTRACT_PARTS = frozenset(
    """
    types typings contracts interfaces public
    """.split()
)
TEST_ENDINGS = ("_test", "_spec", ".test", ".spec", "test", "tests", "spec", "_tests")
REEXPORT_STEMS = frozenset(
    """
    __init__ index mod lib
    """.split()
)


@dataclass(frozen=True, slots=True)
class Roles:
    """Flags per file."""

    test: NDArray[np.bool_]
    example: NDArray[np.bool_]
    document: NDArray[np.bool_]
    copy: NDArray[np.bool_]
    reexport: NDArray[np.bool_]
    contract: NDArray[np.bool_]

    @classmethod
    def of(cls, paths: Sequence[str]) -> Roles:
        """Tell the roles of files by their paths."""
        flags = np.array([_flags(path) for path in paths], np.bool_).reshape(len(paths), 6)
        return cls(*flags.T)


def _flags(path: str) -> tuple[bool, bool, bool, bool, bool, bool]:
    *folders, name = path.split("/")
    stem, _, extension = name.rpartition(".")
    parts = {part.lower() for part in folders}
    plain = (stem or name).lower()
    is_test = plain.startswith("test_") or plain.endswith(TEST_ENDINGS) or (stem or name).endswith("Test")
    return (
        is_test or bool(parts & TEST_PARTS),
        bool(parts & EXAMPLE_PARTS) or plain.startswith("example"),
        extension.lower() in DOCUMENT_EXTENSIONS,
        bool(parts & COPY_PARTS),
        plain in REEXPORT_STEMS,
        bool(parts & CONTRACT_PARTS) or plain in CONTRACT_PARTS or extension == "h" or name.endswith(".d.ts"),
    )
