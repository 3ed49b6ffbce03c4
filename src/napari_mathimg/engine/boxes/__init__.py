"""Results that are computed box by box, of which nothing is kept: for files, shard by shard."""

from .array import BoxArray
from .held import BoxRecall, Held
from .losses import Account, counted_in
from .reads import reads_of

__all__ = ["Account", "BoxArray", "BoxRecall", "Held", "counted_in", "reads_of"]
