"""What do small trees add to a weighted sum? Where a feature counts only beside another one, a sum can't say so.

A boosted ensemble (Friedman 2001) of trees of two levels, four leaves each. All trees are walked at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Forest"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees of two levels. A row goes right where its feature exceeds the threshold.

    - `feature`, `threshold`: trees x 3; of the root, of its left child, of its right one.
    - `value`: trees x 4; of the leaves, from left to right.
    """

    feature: NDArray[np.int64]
    threshold: Floats
    value: Floats

    @classmethod
    def of(cls, stored: Mapping[str, Any], features: Sequence[str]) -> Forest:
        """Read a forest whose features go by name."""
        number = {name: i for i, name in enumerate(features)}
        return cls(
            np.array([[number[name] for name in names] for names in stored["feature"]], np.int64).reshape(-1, 3),
            np.array(stored["threshold"], np.float32).reshape(-1, 3),
            np.array(stored["value"], np.float32).reshape(-1, 4),
        )

    def stored(self, features: Sequence[str]) -> dict[str, Any]:
        """Return what `of` reads."""
        return {
            "feature": [[features[i] for i in row] for row in self.feature],
            "threshold": [[round(float(number), 5) for number in row] for row in self.threshold],
            "value": [[round(float(number), 5) for number in row] for row in self.value],
        }

    def scores(self, rows: Floats) -> Floats:
        """Return the sum of all trees for each row; `rows` is n x features."""
        scores: Floats = self._reached(rows).sum(axis=1, dtype=np.float32)
        return scores

    def parts(self, row: Floats) -> Floats:
        """Return for one row what comes from each feature: each tree's value, shared by the features on its way."""
        parts = np.zeros(len(row), np.float32)
        values = self._reached(row[None])[0]
        right = row[self.feature[:, 0]] > self.threshold[:, 0]
        second = np.where(right, self.feature[:, 2], self.feature[:, 1])
        np.add.at(parts, self.feature[:, 0], values / 2)
        np.add.at(parts, second, values / 2)
        return parts

    def _reached(self, rows: Floats) -> Floats:
        """Return for each row the value of the leaf that it reaches in each tree."""
        # Three comparisons without looking which child is meant are cheaper than a second look-up.
        is_right = rows[:, self.feature.ravel()] > self.threshold.ravel()
        root, left, right = (is_right[:, i::3] for i in range(3))
        leaf = np.where(root, 2 + right, left.astype(np.int64))
        reached: Floats = self.value.ravel()[leaf + 4 * np.arange(len(self.value))]
        return reached
