"""Frames between the processes: exact round trips, and nothing but data from a broken or hostile peer."""

from __future__ import annotations

import io

import msgpack
import pytest

from treeseek.embedding import default_embedder
from treeseek.errors import WorkerError
from treeseek.indexing import wire
from treeseek.indexing.analyse import FileText, analyse_files
from treeseek.indexing.identity import content_hash
from treeseek.model import SourceFile, UnitColumns

PYTHON = b'"""Sums."""\n\n\ndef add(a, b):\n    """Add two numbers."""\n    return a + b\n\n\nclass Empty:\n    pass\n'


def analysed(data: bytes = PYTHON, path: str = "sums.py") -> UnitColumns:
    return analyse_files(
        [FileText(SourceFile(path, len(data), 5, 6), data, content_hash(data))], default_embedder(), 5.0
    )


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


def test_files_survive_the_wire_with_names_that_are_no_text() -> None:
    files = [FileText(SourceFile("a\udcff\n.py", 1, 2, 2**63), b"\x00\xff", "hash")]
    stream = io.BytesIO()
    wire.write_frame(stream, wire.pack_files(files))
    stream.seek(0)
    assert wire.unpack_files(wire.read_frame(stream)) == files


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
