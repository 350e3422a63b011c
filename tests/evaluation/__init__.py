"""Measurements of the tasks on public data: `python -m tests.evaluation.NAME`. They assert nothing."""
