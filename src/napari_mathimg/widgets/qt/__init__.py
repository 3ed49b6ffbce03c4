"""Widgets and layouts of Qt that know nothing of the plugin."""
