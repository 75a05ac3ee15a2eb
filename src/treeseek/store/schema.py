"""What a row of the `units` table looks like on disk, and what a table says of itself.

The Lance schema carries the index's identity in its metadata, so a table tells by itself who can read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from treeseek.errors import FormatError, StoreCorruptError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DECLARATION",
    "INTEGERS",
    "LEAVES",
    "SCHEMA_VERSION",
    "STRINGS",
    "IndexIdentity",
    "format_of",
    "is_older",
    "read_identity",
    "units_schema",
]

SCHEMA_VERSION = "2.0"
"""Version of an index's layout: a reader takes any minor of its own major, unknown columns aside.

1: a table, whose latest version counted. 2: the same table with a journal beside it, whose last entry counts.
"""

STRINGS = ("path", "language", "kind", "name", "signature", "text", "note", "content_hash")
INTEGERS = {
    "start_line": "int32",
    "end_line": "int32",
    "start_byte": "int64",
    "end_byte": "int64",
    "size": "int64",
    "mtime_ns": "int64",
    "inode": "uint64",
}
LEAVES = {"terms": "uint32", "term_counts": "uint8"}
DECLARATION = {"kind": "string", "name": "string", "start_line": "int32", "end_line": "int32"}


@dataclass(frozen=True, slots=True)
class IndexIdentity:
    """What an index was made with: the embedder's fingerprint, the width of its vectors, and the fingerprint
    of the analysis (chunker and tokens). Rows of different identities never share a table.
    """

    embedder: str
    dims: int
    analysis: str


def units_schema(identity: IndexIdentity, extra: Mapping[str, str] | None = None) -> pa.Schema:
    """Return the table's schema, with the identity and `extra` in its metadata under `treeseek.`."""
    import pyarrow as pa

    kinds = {"string": pa.string(), "uint8": pa.uint8(), "uint32": pa.uint32(), "uint64": pa.uint64()}
    kinds |= {"int32": pa.int32(), "int64": pa.int64()}
    declaration = pa.struct([(name, kinds[kind]) for name, kind in DECLARATION.items()])
    # By this mark Lance knows the key, and refuses two writers that insert the same new id.
    key = {"lance-schema:unenforced-primary-key": "true"}
    # Compressing the text saves a sixth of the table and costs as much as writing all the rest of it.
    plain = {"lance-encoding:compression": "none"}
    metadata = {
        "schema_version": SCHEMA_VERSION,
        "embedder": identity.embedder,
        "dims": str(identity.dims),
        "analysis": identity.analysis,
    } | dict(extra or {})
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False, metadata=key),
            *(pa.field(name, pa.string(), metadata=plain if name == "text" else None) for name in STRINGS),
            *(pa.field(name, kinds[kind]) for name, kind in INTEGERS.items()),
            *(pa.field(name, pa.list_(kinds[kind])) for name, kind in LEAVES.items()),
            pa.field("declarations", pa.list_(declaration)),
            pa.field("vector", pa.list_(pa.float16(), identity.dims)),
        ],
        metadata={f"treeseek.{name}": value for name, value in metadata.items()},
    )


def format_of(schema: pa.Schema) -> str:
    """Return the format that a table's metadata states, "" if it states none."""
    stated: bytes = (schema.metadata or {}).get(b"treeseek.schema_version", b"")
    return stated.decode(errors="replace")


def is_older(schema: pa.Schema) -> bool:
    """Whether an older major format is stated: what has it can be read, and migrated."""
    major = format_of(schema).partition(".")[0]
    return major.isdigit() and int(major) < int(SCHEMA_VERSION.partition(".")[0])


def read_identity(schema: pa.Schema, where: str) -> IndexIdentity:
    """Return the identity that a table's metadata states.

    Raises FormatError when a newer treeseek wrote the table, StoreCorruptError when it isn't one of ours. A
    manifest that a power cut filled with zeros opens as an empty table without metadata: it is caught here.
    """
    try:
        metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
        version = metadata.get("treeseek.schema_version", "")
        if int(version.split(".")[0]) > int(SCHEMA_VERSION.split(".")[0]):
            raise FormatError(
                f"{where} has format {version}, newer than {SCHEMA_VERSION}: upgrade treeseek or re-index"
            )
        embedder, analysis = metadata["treeseek.embedder"], metadata["treeseek.analysis"]
        return IndexIdentity(embedder, int(metadata["treeseek.dims"]), analysis)
    except (KeyError, ValueError):
        raise StoreCorruptError(f"{where} is not a table of treeseek: delete it and re-index") from None
