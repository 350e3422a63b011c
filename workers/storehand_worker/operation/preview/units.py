"""Values for people, in Grafana's units."""

from __future__ import annotations

import math

_SECONDS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_SHORT = ((1e12, " Tri"), (1e9, " Bil"), (1e6, " Mil"), (1e3, " K"), (1.0, ""))
_BYTES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_RATES = {"reqps": "req/s", "ops": "ops/s", "rps": "rd/s", "wps": "wr/s", "cps": "c/s", "hertz": "Hz"}


def human(value: float, unit: str) -> str:
    """`1.5 s`, `94 %`, `3.2 GiB`, `12.5 jobs/s`; units that are not known are left out."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    kind, _, rest = unit.partition(":")
    if kind == "suffix":
        return f"{digits(value)} {rest.strip()}"
    if kind == "si":
        return _scaled(value, _SI, rest.strip())
    if unit in ("percentunit", "percent"):
        return f"{digits(round(value * 100 if unit == 'percentunit' else value, 2))} %"
    if unit in ("s", "ms"):
        return _seconds(value if unit == "s" else value / 1000)
    if unit in ("bytes", "decbytes"):
        return _scaled(value, _BYTES, "")
    if unit in _RATES:
        return f"{digits(value)} {_RATES[unit]}"
    return _scaled(value, _SHORT, "") if unit == "short" else digits(value)


def digits(value: float) -> str:
    """Three that count, and no zeros behind them."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(places, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scaled(value: float, steps: tuple[tuple[float, str], ...], suffix: str) -> str:
    size, sign = next(((size, sign) for size, sign in steps if abs(value) >= size), (1.0, steps[-1][1]))
    return f"{digits(value / size)}{'' if sign.startswith(' ') else ' '}{sign}{suffix}".rstrip()


def _seconds(value: float) -> str:
    if value == 0:
        return "0 s"
    size, sign = next(((size, sign) for size, sign in _SECONDS if abs(value) >= size), _SECONDS[-1])
    return f"{digits(value / size)} {sign}"
