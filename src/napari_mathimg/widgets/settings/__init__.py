"""The user's preferences, and the state of docks that is kept between sessions."""
