"""Measurements: speed and recall, each a command of its own."""
