"""Another TMF621 listener: each event goes to the path of its type, as the provider would post it.

So two installations can be chained, and the second cannot tell us from a provider. What is our own
(store/own_events.py) no provider posts: such a listener has no path for it.
"""

from store.own_events import OWN_TYPES

ENDPOINTS = "/listener/{event_path}"


_NOT_OURS = f"event_type NOT IN ({', '.join(repr(one) for one in OWN_TYPES)})"


def where(chosen: str | None) -> str:
    """An expression that leaves out what is our own, beside the one that was chosen."""
    return f"({chosen}) AND {_NOT_OURS}" if chosen else _NOT_OURS


def url_of(base: str) -> str:
    """The template for a listener registered as this callback."""
    return f"{base.rstrip('/').replace('{', '{{').replace('}', '}}')}{ENDPOINTS}"
