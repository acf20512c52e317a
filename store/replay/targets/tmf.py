"""Another TMF621 listener: each event goes to the path of its type, as the provider would post it.

So two installations can be chained, and the second cannot tell us from a provider.
"""

ENDPOINTS = "/listener/{event_path}"


def url_of(base: str) -> str:
    """The template for a listener registered as this callback."""
    return f"{base.rstrip('/').replace('{', '{{').replace('}', '}}')}{ENDPOINTS}"
