"""Out of the log again: events, chosen by a selection, delivered to other systems."""
