"""The Batch dock: a recipe on many files, with progress, pauses and reasons."""
