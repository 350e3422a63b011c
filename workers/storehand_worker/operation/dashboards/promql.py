"""The pieces our queries are made of. Every variable may be All, which also matches series without that label."""

from __future__ import annotations

from storehand_worker.exporter.series import ALL

PLACE = 'namespace=~"$namespace",release=~"$release"'
POOL = f'{PLACE},pool=~"$pool"'
POOL_LABELS = "namespace, release, pool"
_TOLD = {each.full_name: ("namespace", "release", *each.labels) for each in ALL}
"""Series of the exporter -> its labels, but for those of the exporter itself."""


def series(metric: str, *matchers: str) -> str:
    """Our metric, of the chosen pools; what exporters tell of a whole release stays when a pool is chosen. `matchers`:
    `task=~"$task"`."""
    name = f"storehand_{metric}"
    return of(name, POOL if "pool" in _TOLD.get(name, ("pool",)) else PLACE, *matchers)


def of(name: str, *matchers: str) -> str:
    """Any series by its whole name: a recorded one, or somebody else's."""
    return f"{name}{{{','.join(matchers)}}}" if matchers else name


def total(metric: str, *matchers: str, by: str) -> str:
    return f"sum by ({by}) ({series(metric, *matchers)})"


def highest(metric: str, *matchers: str, by: str) -> str:
    """The worst of the workers, or the one figure that all exporters tell."""
    return f"max by ({by}) ({series(metric, *matchers)})"


def told_total(metric: str, *matchers: str, by: str = "") -> str:
    """Of what exporters tell: several of one release tell the same, and count once."""
    return _sum(_once(metric, series(metric, *matchers)), by)


def told_rate(metric: str, *matchers: str, by: str = "") -> str:
    """Per second, of a counter that exporters read from the store."""
    return _sum(_once(metric, f"rate({series(metric, *matchers)}[$__rate_interval])"), by)


def rate(metric: str, *matchers: str, by: str = "") -> str:
    """Per second; all together without `by`."""
    return _sum(f"rate({series(metric, *matchers)}[$__rate_interval])", by)


def quantile(share: float, histogram: str, *matchers: str, by: str = "") -> str:
    """Of all workers together, not a mean of theirs."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', *matchers, by=labels)})"


def mean(histogram: str, *matchers: str, by: str) -> str:
    """Of what was observed lately; nothing where nothing was."""
    return ratio(rate(f"{histogram}_sum", *matchers, by=by), rate(f"{histogram}_count", *matchers, by=by))


def ratio(part: str, whole: str) -> str:
    """Nothing, rather than NaN, where the whole is 0: a line that breaks says that nothing was there to count."""
    return f"{part} / ({whole} > 0)"


def recorded(name: str, *, by: str = "pool", how: str = "sum") -> str:
    """A recorded series of pools, over the releases that are chosen."""
    return f"{how} by ({by}) ({of(f'pool:storehand_{name}', POOL)})"


def firing(severity: str) -> str:
    """Our alerts that fire now; those on the exporter or the store carry no pool."""
    return f'ALERTS{{alertname=~"Storehand.+",alertstate="firing",severity="{severity}",{PLACE}}}'


def _once(metric: str, expression: str) -> str:
    return f"max by ({', '.join(_TOLD[f'storehand_{metric}'])}) ({expression})"


def _sum(expression: str, by: str) -> str:
    return f"sum by ({by}) ({expression})" if by else f"sum({expression})"
