"""What is in this text? Languages, declarations and chunks; the only folder that knows tree-sitter.

Importing it is cheap: tree-sitter and its grammars are loaded when the first file that needs them is analysed.
"""

from __future__ import annotations

from treeseek.syntax.languages import detect, names, resolve
from treeseek.syntax.read import ANALYSIS_VERSION, Bounds, analyse

__all__ = ["ANALYSIS_VERSION", "Bounds", "analyse", "detect", "names", "resolve"]
