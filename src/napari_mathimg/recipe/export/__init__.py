"""Recipes in other forms: a Python script, a command line, and a paragraph for a paper."""
