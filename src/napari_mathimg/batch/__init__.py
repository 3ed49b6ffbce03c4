"""Recipes on files: whole images in memory, or shard by shard where they are larger than it."""
