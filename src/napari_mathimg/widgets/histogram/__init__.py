"""The histogram dock: what is counted, drawn, compared and done."""
