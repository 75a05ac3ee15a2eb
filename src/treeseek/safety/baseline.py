"""What is known already? A file of fingerprints of findings, so that a scan tells of new ones only.

A fingerprint is a hash of rule, path and secret under a key that was drawn for the file; the secret itself isn't in it.
The key lies in the same file, so a weak password can be guessed from its fingerprint: keep the file where the code is.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from treeseek.errors import UsageError

__all__ = ["Baseline", "fingerprint", "read_baseline", "write_baseline"]

VERSION = 1
KEY_BYTES = 16
_MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Baseline:
    """The key of the fingerprints, and those that are known."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(KEY_BYTES))
    known: frozenset[str] = frozenset()


def fingerprint(key: bytes, rule: str, path: str, secret: bytes) -> str:
    """Return the fingerprint of a finding: 32 hex digits."""
    digest = hashlib.blake2b(key=key, digest_size=16)
    for part in (rule.encode(), path.encode("utf-8", "surrogatepass"), secret):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def read_baseline(path: Path) -> Baseline:
    """Return what a file holds. Raises UsageError if it can't be read or isn't a baseline."""
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MAX_BYTES))
        if document["version"] != VERSION:
            raise UsageError(f"{path} is a baseline of version {document['version']}; this treeseek reads {VERSION}")
        return Baseline(
            bytes.fromhex(document["key"]), frozenset(entry["fingerprint"] for entry in document["findings"])
        )
    except OSError as error:
        raise UsageError(f"can't read the baseline {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no baseline; `treeseek scan --write-baseline` makes one") from error


def write_baseline(path: Path, key: bytes, entries: Iterable[Mapping[str, object]]) -> None:
    """Write a baseline; each entry has a `fingerprint`, and what helps a person: `rule`, `path`, `line`.

    Raises UsageError if it can't be written.
    """
    document = {"version": VERSION, "key": key.hex(), "findings": list(entries)}
    try:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"can't write the baseline {path}: {error.strerror}") from error
