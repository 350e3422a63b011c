"""Pictures of Grafana dashboards from a live Prometheus, without Grafana: `storehand preview`."""
