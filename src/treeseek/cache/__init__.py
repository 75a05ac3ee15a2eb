"""Have we computed this? A cache of syntax trees in four tiers, in memory and on disk, for any codec of trees.

Deleting its directory at any time changes speed only.
"""

from treeseek.cache.address import address
from treeseek.cache.codec import TreeCodec
from treeseek.cache.environment import close_idle
from treeseek.cache.statistics import CacheStatistics, TierStatistics
from treeseek.cache.trees import Budgets, TreeCache

__all__ = ["Budgets", "CacheStatistics", "TierStatistics", "TreeCache", "TreeCodec", "address", "close_idle"]
