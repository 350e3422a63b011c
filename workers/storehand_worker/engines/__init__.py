"""Engines: one loaded model each, and its batching."""
