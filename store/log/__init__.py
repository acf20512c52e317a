"""The log: what every engine promises, and the engines."""
