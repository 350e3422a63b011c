"""The chart in helm/, rendered by real Helm and read as an API server, a scheduler and a worker would read it."""
