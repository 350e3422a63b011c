"""Not yet."""

from storehand.cli.app import App


def register(app: App) -> None:
    return
