"""What `storehand simulate` is asked for and can't do."""

from __future__ import annotations

from typing import Any

import pytest

from storehand.errors import InvalidInput
from storehand_worker.simulate.names import ServiceTime
from storehand_worker.simulate.session import Asked, simulate_all

SAID: dict[str, Any] = {
    "traces": ["flash-sale"], "policies": ["rule"], "workers": "text", "seeds": 1, "scale": 0.01, "pool": None,
    "pool_values": {}, "cold_start_s": None, "grace_s": None, "nodes": None, "service": ServiceTime.LARGER,
    "service_error": 1.0, "prometheus_away": None, "keep_points": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"pool_values": {"min_workers": 5, "max_workers": 2}}, "min_workers must not be over max_workers$"),
        ({"nodes": "8:2:180"}, "READY is 0 to MOST"),
        ({"nodes": "2:8"}, "READY:MOST:SECONDS"),
        ({"prometheus_away": "900:60"}, "END comes after START"),
        ({"policies": ["luck"]}, "there is no policy 'luck'"),
        ({"workers": "quantum"}, "there is no kind of worker"),
        ({"traces": ["noon"]}, "no trace 'noon' and no such file"),
    ],
)
def test_what_can_t_be_simulated_is_refused_in_one_sentence(said: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        simulate_all(Asked(**{**SAID, **said}))

    assert "\n" not in refused.value.message
