"""Histories: what we derive from the log about tickets, tasks and specifications."""
