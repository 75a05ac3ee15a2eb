"""Have we computed this? A cache of syntax trees in four tiers, in memory and on disk, for any codec of trees; and
answers to questions, as long as they are true.

Deleting its directory at any time changes speed only.
"""

from treeseek.cache.address import address
from treeseek.cache.answers import AnswerCache
from treeseek.cache.codec import TreeCodec
from treeseek.cache.environment import close_idle
from treeseek.cache.statistics import CacheStatistics, TierStatistics
from treeseek.cache.trees import Budgets, TreeCache

__all__ = [
    "AnswerCache",
    "Budgets",
    "CacheStatistics",
    "TierStatistics",
    "TreeCache",
    "TreeCodec",
    "address",
    "close_idle",
]
