"""Breaking things under load and counting afterwards: `python -m tests.chaos` at random, `-m tests.chaos.table` by plan."""
