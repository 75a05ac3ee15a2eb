"""What is on disk, and what is it?

The walk of a root with its ignore rules and exclusions, the judgement of a file's bytes, and the safe read.
It knows nothing of languages, of the index, or of what was there before.
"""

from treeseek.workspace.classify import classify
from treeseek.workspace.clients import client_path, client_revision
from treeseek.workspace.files import RootReader, content_hash, open_root, read
from treeseek.workspace.ignore import matcher
from treeseek.workspace.look import directories, look, may_matter
from treeseek.workspace.roots import repository_of, resolve_root
from treeseek.workspace.walk import Walk, walk

__all__ = [
    "RootReader",
    "Walk",
    "classify",
    "client_path",
    "client_revision",
    "content_hash",
    "directories",
    "look",
    "matcher",
    "may_matter",
    "open_root",
    "read",
    "repository_of",
    "resolve_root",
    "walk",
]
