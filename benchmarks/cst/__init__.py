"""Measures the syntax trees: parsing, columns, comparison, storage, ids and the cache, each beside its peer."""
