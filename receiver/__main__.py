"""The front door: the `listener` command."""

import click


@click.group()
def main() -> None:
    """TMF621 listener."""
