"""A recipe on an image that does not fit into memory: shard by shard, by threads or a cluster, and resumed."""

from .choices import ShardChoices, Source

__all__ = ["ShardChoices", "Source"]
