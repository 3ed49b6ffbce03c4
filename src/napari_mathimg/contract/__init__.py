"""What an operation is: its declaration, its signature and types, its reach, and how it reports progress."""
