"""The worker: the process with the models."""
