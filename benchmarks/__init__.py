"""Measurements of treeseek and its peers on real corpora. Each module is a command; results carry their provenance."""
