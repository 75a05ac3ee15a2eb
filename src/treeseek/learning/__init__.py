"""What goes with what? Pairs of words and code out of repositories, and the model that is fitted to them.

Knows nothing of an index. The recipe of the bundled weights (`training/model`) and `treeseek train` both use it.
"""
