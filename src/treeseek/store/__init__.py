"""What is committed? One Lance table of units per generation, one atomic version per sync.

The only folder that imports `lance` and `pyarrow`, and only when a table is touched: importing this is cheap.
"""

from treeseek.settings import prepare_lance
from treeseek.store.aliases import Aliases
from treeseek.store.columns import Manifest
from treeseek.store.directory import index_directory
from treeseek.store.lock import reading, writer_lock
from treeseek.store.schema import SCHEMA_VERSION, IndexIdentity
from treeseek.store.snapshot import Snapshot
from treeseek.store.table import UnitStore

__all__ = [
    "SCHEMA_VERSION",
    "Aliases",
    "IndexIdentity",
    "Manifest",
    "Snapshot",
    "UnitStore",
    "index_directory",
    "reading",
    "writer_lock",
]

prepare_lance()  # before anything here imports them
