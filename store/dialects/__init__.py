"""Dialects: what was agreed on how a source speaks, and its events put into our words. Pure.

dialect.py is what a file of config/dialects/ says, as values. opening.py finds the TMF event inside
other envelopes; wording.py puts names and shapes into TMF621 v5's, and back; reading.py does all of
it for those who read the log or ask a provider.
"""

from store.dialects.dialect import AnswerBody, Dialect, ProviderPaths, Speech, Word, words_of
from store.dialects.opening import Context, Opened, context_of, opened
from store.dialects.reading import event_read, resource_read, resource_spoken
from store.dialects.wording import as_told, in_our_words, reworded, spoken

__all__ = [
    "AnswerBody",
    "Context",
    "Dialect",
    "Opened",
    "ProviderPaths",
    "Speech",
    "Word",
    "as_told",
    "context_of",
    "event_read",
    "in_our_words",
    "opened",
    "resource_read",
    "resource_spoken",
    "reworded",
    "spoken",
    "words_of",
]
