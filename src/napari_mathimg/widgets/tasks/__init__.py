"""Work in background threads, outside the window's thread."""
