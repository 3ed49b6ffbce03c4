"""What the user prefers, and what docks remember from session to session."""
