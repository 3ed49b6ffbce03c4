"""Widgets and layouts of Qt that know nothing of the plugin."""

from .none_references import keep_none

keep_none()
