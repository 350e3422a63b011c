"""The rules, judged by promtool and by a Prometheus that scrapes a real worker and exporter."""
