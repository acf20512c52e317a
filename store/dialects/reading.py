"""Reading: what the log or a provider has of a source, in our words. Pure.

For whoever reads a body or an answer that came from a source: the fold, queries, reconciliation.
"""

from typing import Protocol

from store.dialects.dialect import Speech
from store.dialects.opening import Context, opened
from store.dialects.wording import in_our_words, reworded, spoken
from store.members import Json


class Known(Protocol):
    """An event in the log, or its head."""

    @property
    def event_id(self) -> str: ...
    @property
    def event_type(self) -> str: ...
    @property
    def event_time(self) -> str | None: ...


def event_read(document: Json, event: Known, speech: Speech | None) -> Json:
    """The parsed body of an event as TMF621 v5 has it, whatever its source speaks."""
    if speech is None:
        return document
    known = Context(event.event_id, event.event_type, event.event_time)
    return in_our_words(opened(document, speech, known).document, event.event_type, speech)


def resource_read(resource: Json, speech: Speech | None) -> Json:
    """A resource that a source's own API answered, as TMF621 v5 has it."""
    return resource if speech is None else reworded(resource, speech.words)


def resource_spoken(resource: Json, speech: Speech | None) -> Json:
    """A resource of ours as a source's own API wants it; whatever is in its words stays so."""
    return resource if speech is None else spoken(resource, speech.words)
