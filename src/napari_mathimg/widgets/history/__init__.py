"""The History dock: the chain of steps that made a layer, edited and repeated on others."""
