"""Work outside the window's thread: in the background, latest request first."""
