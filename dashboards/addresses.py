"""Addresses in what senders write: http and https become links, nothing else ever does."""

import re

from markupsafe import Markup, escape

_ADDRESS = re.compile(r"\bhttps?://[!#-;=?-Z\[\]_a-z~%-]+", re.IGNORECASE | re.ASCII)
_AFTER_IT = ".,;:!?)]'"
"""What ends a sentence ends no address."""


def linked(text: object) -> Markup:
    """Text with its addresses as links, which tell neither where we are nor that we trust them."""
    told, parts, done = str(text), [], 0
    for found in _ADDRESS.finditer(told):
        address = found[0].rstrip(_AFTER_IT)
        parts += [escape(told[done : found.start()]), link(address)]
        done = found.start() + len(address)
    return Markup("").join([*parts, escape(told[done:])])


def link(address: str) -> Markup:
    """A link to an http or https address."""
    return Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>').format(address, address)


def is_address(text: str) -> bool:
    """Whether a text is one address and nothing else."""
    found = _ADDRESS.fullmatch(text)
    return found is not None and text[-1] not in _AFTER_IT
