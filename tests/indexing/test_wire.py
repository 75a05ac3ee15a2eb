"""Frames between the processes: exact round trips, and nothing but data from a broken or hostile peer."""

from __future__ import annotations

import io
from typing import Any

import msgpack
import numpy as np
import pytest

from treeseek.embedding import default_embedder
from treeseek.errors import WorkerError
from treeseek.indexing import wire
from treeseek.indexing.analyse import FileText
from treeseek.indexing.batch import Batch, Outcome, analyse_batch
from treeseek.indexing.identity import content_hash
from treeseek.model import SourceFile, UnitColumns
from treeseek.syntax import analyse

PYTHON = b'"""Sums."""\n\n\ndef add(a, b):\n    """Add two numbers."""\n    return a + b\n\n\nclass Empty:\n    pass\n'


BATCH = Batch([FileText(SourceFile("sums.py", len(PYTHON), 5, 6), PYTHON, content_hash(PYTHON), "python", b"key")])


def outcome() -> Outcome:
    return analyse_batch(BATCH, default_embedder(), 5.0)


def analysed() -> UnitColumns:
    return outcome().rows


def equal(a: UnitColumns, b: UnitColumns) -> bool:
    return wire.pack_columns(a) == wire.pack_columns(b)


def test_rows_survive_the_wire() -> None:
    rows = analysed()
    stream = io.BytesIO()
    wire.write_frame(stream, wire.pack_columns(rows))
    stream.seek(0)
    back = wire.unpack_columns(wire.read_frame(stream))
    assert equal(rows, back)
    assert back.declaration_name == ["add", "Empty"]
    assert wire.read_frame(stream) is None


def sent(payload: object) -> Any:
    stream = io.BytesIO()
    wire.write_frame(stream, payload)
    stream.seek(0)
    return wire.read_frame(stream)


def test_a_batch_survives_the_wire_with_names_that_are_no_text_and_vectors_that_are_lent() -> None:
    files = [FileText(SourceFile("a\udcff\n.py", 1, 2, 2**63), b"\x00\xff", "hash", "python", b"key")]
    lent = {b"0123456789abcdef": np.arange(4, dtype=np.float32), b"fedcba9876543210": np.ones(4, np.float32)}
    back = wire.unpack_batch(sent(wire.pack_batch(Batch(files, lent))))
    assert back.files == files
    assert {digest: vector.tolist() for digest, vector in back.lent.items()} == {
        digest: vector.tolist() for digest, vector in lent.items()
    }
    assert wire.unpack_batch(sent(wire.pack_batch(Batch(files)))) == Batch(files)


def test_an_outcome_survives_the_wire_and_its_artifacts_have_the_addresses_that_were_asked_for() -> None:
    told = sent(wire.pack_outcome(outcome(), BATCH))
    back = wire.unpack_outcome(told, BATCH)
    assert equal(back.rows, outcome().rows)
    assert (back.artifacts, back.chunks) == (outcome().artifacts, 1)
    assert list(back.artifacts) == [b"key"]
    with pytest.raises(WorkerError, match="does not fit"):
        wire.unpack_outcome(told, Batch([*BATCH.files, *BATCH.files]))
    with pytest.raises(WorkerError, match="does not fit"):
        wire.unpack_outcome({**told, "artifacts": ["text"]}, BATCH)


@pytest.mark.parametrize("cut", [1, 7, 8, 9, -1])
def test_a_cut_frame_is_an_error(cut: int) -> None:
    stream = io.BytesIO()
    wire.write_frame(stream, wire.pack_columns(analysed()))
    with pytest.raises(WorkerError):
        wire.read_frame(io.BytesIO(stream.getvalue()[:cut]))


def test_a_frame_that_claims_to_be_huge_is_refused_unread() -> None:
    with pytest.raises(WorkerError, match="broken frame"):
        wire.read_frame(io.BytesIO((1 << 40).to_bytes(8, "little")))


def test_garbage_and_wrong_shapes_are_errors() -> None:
    body = b"\xc1garbage"
    with pytest.raises(WorkerError, match="broken frame"):
        wire.read_frame(io.BytesIO(len(body).to_bytes(8, "little") + body))
    packed = wire.pack_columns(analysed())
    with pytest.raises(WorkerError, match="does not fit"):
        wire.unpack_columns({**packed, "path": []})
    with pytest.raises(WorkerError, match="does not fit"):
        wire.unpack_columns({**packed, "vector": b"123"})
    with pytest.raises(WorkerError, match="does not fit"):
        wire.unpack_columns(msgpack.unpackb(msgpack.packb({"id": []})))


def test_what_a_worker_makes_up_is_refused() -> None:
    told = wire.pack_outcome(outcome(), BATCH)
    rows: Any = told["rows"]
    elsewhere = {**rows, "path": ["/etc/passwd"] * len(rows["path"])}
    with pytest.raises(WorkerError, match="wasn't sent"):
        wire.unpack_outcome({**told, "rows": elsewhere}, BATCH)
    count = len(rows["path"])
    lies: dict[str, object] = {
        "name": [b"bytes"] * count,
        "note": [None] * count,
        "term_offsets": np.arange(count + 1)[::-1].astype("i8").tobytes(),
        "declaration_offsets": np.full(count + 1, 99, "i8").tobytes(),
    }
    for name, lie in lies.items():
        with pytest.raises(WorkerError, match="does not fit"):
            wire.unpack_columns({**rows, name: lie})


def test_an_outline_survives_the_wire_and_nothing_else_is_one() -> None:
    syntax = analyse(b"class A:\n    def f(self): pass\n", "python", deadline_seconds=10)
    packed = sent(wire.pack_syntax(syntax))
    assert wire.unpack_syntax(packed) == syntax
    for lie in ({}, {**packed, "language": 1}, {**packed, "chunks": [[1]]}, {**packed, "declarations": [["a"] * 8]}):
        with pytest.raises(WorkerError, match="does not fit"):
            wire.unpack_syntax(lie)
