"""The contract of an operation: declaration, signature and types, reach, and progress."""
