"""How does a coding agent come to know of treeseek, and to forget it? Entries in the files that agents read.

What isn't ours in those files stays, to the byte.
"""
