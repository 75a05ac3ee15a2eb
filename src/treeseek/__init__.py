"""treeseek finds code by meaning in repositories that keep changing."""
