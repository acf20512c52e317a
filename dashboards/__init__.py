"""WHAT IS SEEN: a Datasette configuration and a small plugin."""
