"""The recipe of the bundled embedding model: `python -m training.model extract|train|evaluate|install`."""
