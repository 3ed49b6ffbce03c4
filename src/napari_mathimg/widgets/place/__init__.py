"""The one place of all docks: the choice of a family, the search over all operations, and where docks are."""
