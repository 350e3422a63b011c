"""Doctor's checks that the light client can do, in the order they are shown."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from storehand.cli.checks import Check, Light, Probe
from storehand.cli.origins import config_file, misspelt
from storehand.cli.output import size
from storehand.cli.reach import broker, store, workers
from storehand.errors import SettingsError
from storehand.secret_files import is_open_to_all, secret_file
from storehand.settings import Settings

_LOW_BYTES = 1_000_000_000
_NO_BYTES = 100_000_000


def environment(settings: Settings) -> Iterator[Check]:
    """The settings' sources, Python and package versions."""
    file = config_file()
    if file is not None:
        light = Light.GREEN if file.is_file() else Light.RED
        detail = str(file) if file.is_file() else f"{file} does not exist, so nothing is read from it"
        yield Check("settings", "file", light, detail, "" if light is Light.GREEN else "mend STOREHAND_CONFIG")
    for setting in Settings.model_fields:
        secret = secret_file(setting)
        if secret is not None and is_open_to_all(secret):
            advice = f"chmod 600 {secret}; in Kubernetes, defaultMode 0400"
            yield Check(
                "settings", setting, Light.YELLOW, f"{secret} can be read by every user of this machine", advice
            )
    for name, near in misspelt():
        yield Check("settings", name, Light.YELLOW, "is no setting", f"did you mean {near}?" if near else "unset it")
    supported = sys.version_info >= (3, 11)
    yield Check(
        "software",
        "python",
        Light.GREEN if supported else Light.RED,
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "" if supported else "Storehand needs Python 3.11 or newer",
    )
    for package in ("storehand", "celery", "kombu", "pydantic"):
        yield Check("software", package, Light.GREEN, metadata.version(package))


def data_folder(settings: Settings) -> Iterator[Check]:
    """Writable, on a local disk, with room."""
    if not settings.is_embedded and not settings.store_url.get_secret_value().startswith("sqlite:"):
        return
    folder = settings.data_dir
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    area = "data folder"
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        yield Check(area, "writable", Light.RED, f"{nearest} can't be written to", "choose another data_dir")
    elif nearest != folder:
        yield Check(area, "writable", Light.GREEN, f"{folder} is made with the first job")
    else:
        yield Check(area, "writable", Light.GREEN, str(folder))
    yield _file_system(nearest)
    free = shutil.disk_usage(nearest).free
    light = Light.GREEN if free > _LOW_BYTES else Light.YELLOW if free > _NO_BYTES else Light.RED
    yield Check(area, "free space", light, size(free), "" if light is Light.GREEN else "make room")


def _file_system(folder: Path) -> Check:
    from storehand.mounts import refuse_network

    try:
        refuse_network(folder)
    except SettingsError as error:
        return Check("data folder", "file system", Light.RED, error.message, "put data_dir on a local disk")
    return Check("data folder", "file system", Light.GREEN, "local")


LIGHT_PROBES: tuple[Probe, ...] = (environment, data_folder, broker, store, workers)
