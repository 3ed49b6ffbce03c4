"""Widgets and layouts of Qt that know nothing of the plugin, except how it writes numbers."""
