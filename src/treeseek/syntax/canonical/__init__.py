"""What does this text say, whatever its language? Syntax trees lowered to one set of kinds."""

from __future__ import annotations

from treeseek.syntax.canonical.complexity import complexities
from treeseek.syntax.canonical.kinds import CanonicalKind
from treeseek.syntax.canonical.lowering import Mapped, kinds_of, lower, mapped
from treeseek.syntax.canonical.tree import CanonicalTree

__all__ = ["CanonicalKind", "CanonicalTree", "Mapped", "complexities", "kinds_of", "lower", "mapped"]
