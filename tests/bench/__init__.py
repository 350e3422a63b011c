"""Throughput and latency against named baselines: `python -m tests.bench`."""
