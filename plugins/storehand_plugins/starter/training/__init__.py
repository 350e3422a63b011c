"""The commands that trained the bundled models."""
