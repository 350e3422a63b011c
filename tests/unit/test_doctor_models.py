"""Doctor on models, before a worker loads them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from storehand.cli.checks import Light
from storehand.settings import Settings
from storehand_worker.doctor import plugins_and_models


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has what the binding asks for")
@pytest.mark.parametrize(("device", "light"), [("cuda", Light.RED), ("auto", Light.GREEN), ("gpu!", Light.RED)])
def test_a_device_that_the_engine_would_refuse_is_red(tmp_path: Path, device: str, light: Light) -> None:
    settings = Settings(data_dir=tmp_path, models={"sentiment": {"device": device}})  # type: ignore[dict-item]  # pydantic makes the binding

    [check] = [each for each in plugins_and_models(settings) if (each.area, each.name) == ("models", "sentiment")]

    assert check.light is light
    assert light is Light.GREEN or (device in check.detail and "STOREHAND_MODELS__SENTIMENT__DEVICE" in check.advice)
