"""The command line `storehand`: what the light client can do, and the commands that other packages add."""

from __future__ import annotations


def main() -> None:
    """The console script."""
    from storehand.cli.app import build_app

    build_app()(prog_name="storehand")
