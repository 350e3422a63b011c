"""The commands of the built-in plugins: `storehand knowledge` and `storehand train`."""

from __future__ import annotations

from importlib import import_module

from storehand.cli.app import App

_COMMANDS = ("storehand_plugins.chat.commands", "storehand_plugins.recommendation.commands")
"""Modules with a `register(app)`; each imports what is heavy inside its commands."""


def register(app: App) -> None:
    """Named by the entry point group `storehand.cli`."""
    for name in _COMMANDS:
        import_module(name).register(app)
