"""How does a change become a commit? Plan what changed, analyse it in worker processes, write one version."""

from treeseek.indexing.analyse import FINGERPRINT

__all__ = ["FINGERPRINT"]
