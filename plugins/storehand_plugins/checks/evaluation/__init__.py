"""How well the checks tell right texts from wrong ones, on products and texts written for the purpose."""

from storehand_plugins.checks.evaluation.cases import Case, Mark, read_cases
from storehand_plugins.checks.evaluation.scores import Report, Score, evaluate

__all__ = ["Case", "Mark", "Report", "Score", "evaluate", "read_cases"]
