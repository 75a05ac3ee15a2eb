"""Who is served, from which roots, and is there room? One engine a root, kept up to date, for many callers at once."""

from treeseek.service.roots import Root, State
from treeseek.service.service import Service

__all__ = ["Root", "Service", "State"]
