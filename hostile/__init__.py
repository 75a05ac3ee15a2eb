"""Is treeseek safe on files that are made to break it? A corpus of them, and a run that indexes it."""
