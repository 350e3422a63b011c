"""Series that rules of several files look at: the plan that the exporter publishes, and what is up."""

from __future__ import annotations

from storehand_worker.operation.rules.promql import POOL, PRIORITY, RELEASE, told

SLOTS = told("storehand_pool_slots", POOL)
UTILIZATION = told("storehand_pool_target_utilization_ratio", POOL)
CATCH_UP = told("storehand_pool_catch_up_seconds", PRIORITY)
WAIT_OBJECTIVE = told("storehand_pool_wait_objective_seconds", PRIORITY)
_OBJECTIVE = "storehand_pool_objective_ratio"
OBJECTIVE = f"({told(_OBJECTIVE, POOL)} or {told(f'last_over_time({_OBJECTIVE}[1d])', POOL)})"
"""The last one told will do: workers say what was late, and that must not fall silent with the exporter."""
SERVICE_HINT = told("storehand_pool_service_hint_seconds", POOL)
COLD_START = told("storehand_pool_cold_start_seconds", POOL)
MIN_WORKERS = told("storehand_pool_min_workers", POOL)
MAX_WORKERS = told("storehand_pool_max_workers", POOL)

FRESH_S = 60
"""As the exporter's /required: older reads are no basis for a decision."""
AWAY_S = 120
"""A read that has hung for so long will not come back by itself."""


def up(source: str) -> str:
    return told(f'storehand_exporter_up{{source="{source}"}}', RELEASE)


def age_s(source: str) -> str:
    """Of the youngest reads."""
    return f'min by ({RELEASE}) (storehand_exporter_age_seconds{{source="{source}"}})'


def away(source: str) -> str:
    """None of the workers that have served reaches it; without such workers, no exporter does. An exporter that alone
    can't read is its own trouble: StorehandScalerBlind."""
    workers = told(f"storehand_{source}_up and on (job, instance) storehand_start_up_seconds", RELEASE)
    unread = f"({up(source)} == 0 or {age_s(source)} > {AWAY_S})"
    return f"({unread} unless on ({RELEASE}) {workers} == 1 or {workers} == 0)"


def steadily_away(source: str) -> str:
    """For an alert that leaves the page to the source's own. That one starts anew with every moment in which the source
    is back, so one that comes and goes silences nobody. An exporter's restart is a fall too, and an outage is one."""
    falls = f'max by ({RELEASE}) (resets(storehand_exporter_up{{source="{source}"}}[30m]))'
    return f"({away(source)} unless on ({RELEASE}) {falls} > 2)"


FRESH = f"{age_s('store')} < {FRESH_S}"

WORKERS = f"group by ({RELEASE}) (storehand_slots)"
EXPORTERS = f"group by ({RELEASE}) (storehand_exporter_up)"
NO_EXPORTER = (
    f"({WORKERS} unless on ({RELEASE}) {EXPORTERS})\n"
    f"  or group by ({RELEASE}) (up == 0 and on (job, instance) last_over_time(storehand_exporter_up[1d]))"
    f" unless on ({RELEASE}) {EXPORTERS}"
)
"""Releases whose workers run, or whose exporter is to be scraped, but no exporter answers."""
LOST_EXPORTER = (
    f"{NO_EXPORTER}\n  or group by ({RELEASE}) (last_over_time(storehand_exporter_up[6h]))"
    f" unless on ({RELEASE}) {EXPORTERS}"
)
"""Also those that are scaled to zero and whose exporter has no target any more, which is what an uninstalled one looks
like."""
