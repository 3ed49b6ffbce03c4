"""Forms generated from the signatures of operations."""
