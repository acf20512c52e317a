"""Figures, not tests: speed and size as medians, each beside a baseline of the same run."""
