"""`storehand simulate`: a pool of workers under traffic, with any autoscaling policy. No GPU, no cluster."""

from storehand_worker.simulate.generators import GENERATORS
from storehand_worker.simulate.machine import Machine
from storehand_worker.simulate.monitor import ServiceTime
from storehand_worker.simulate.nodes import NodePlan
from storehand_worker.simulate.policies import Policy, policies
from storehand_worker.simulate.run import Result, Setup, run
from storehand_worker.simulate.traffic import Ask, Span, Traffic

__all__ = [
    "GENERATORS",
    "Ask",
    "Machine",
    "NodePlan",
    "Policy",
    "Result",
    "ServiceTime",
    "Setup",
    "Span",
    "Traffic",
    "policies",
    "run",
]
