"""Breaks things under load and counts afterwards: `python -m tests.chaos` at random, `-m tests.chaos.table` by plan."""
