"""Metadata of image files."""
