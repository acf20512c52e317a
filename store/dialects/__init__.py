"""Dialects: what was agreed on how a source speaks, and its events put into our words. Pure.

dialect.py is what a file of config/dialects/ says, as values. opening.py finds the TMF event inside
other envelopes; wording.py puts names and shapes into TMF621 v5's, and back.
"""

from store.dialects.dialect import AnswerBody, Dialect, ProviderPaths, Speech, Word, words_of
from store.dialects.opening import Context, Opened, context_of, opened
from store.dialects.wording import as_told, in_our_words, names_only, reworded, spoken

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
    "in_our_words",
    "names_only",
    "opened",
    "reworded",
    "spoken",
    "words_of",
]
