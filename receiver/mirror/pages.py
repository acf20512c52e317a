"""A page of a collection over HTTP: how many there are, which part this is, where the others are."""

import hashlib
from urllib.parse import parse_qsl, urlencode

from receiver.rejections import Headers
from store.resources.question import Question
from store.resources.reader import Found


def status(found: Found) -> int:
    """206 for a part of what there is, 200 for all of it, and for nothing behind its end."""
    return 206 if 0 < len(found.resources) < found.total else 200


def headers(found: Found, question: Question, query: bytes) -> Headers:
    """Counts, and links to the other pages."""
    return (
        ("X-Total-Count", str(found.total)),
        ("X-Result-Count", str(len(found.resources))),
        ("X-History-Position", str(found.checkpoint)),
        *((("Link", told),) if (told := links(found, question, query)) else ()),
    )


def tag(start: str, checkpoint: int, path: str, query: bytes) -> str:
    """Of a list: the same until another event is folded, or the receiver starts anew.

    Weak: pages that follow other events may be equal (RFC 9110, 8.8.1).
    """
    told = f"{start}\n{checkpoint}\n{path}\n".encode() + query
    return f'W/"{hashlib.blake2b(told, digest_size=16).hexdigest()}"'


def links(found: Found, question: Question, query: bytes) -> str:
    """RFC 8288, where there is more than this page.

    Only the query is told, to be resolved against what was asked for: a proxy may serve us under
    any other address.
    """
    total, offset, limit = found.total, question.offset, question.limit
    reached = offset + len(found.resources)
    last = max(0, (total - 1) // limit * limit)
    places = {"first": 0}
    if offset > 0:
        places["prev"] = max(0, min(offset - limit, last))
    if offset < total and reached < total:
        places["next"] = reached
    places["last"] = last
    if reached >= total and offset == 0:
        return ""
    return ", ".join(f'<?{_page(query, at, limit)}>; rel="{rel}"' for rel, at in places.items())


def _page(query: bytes, offset: int, limit: int) -> str:
    """The same question with another offset. What the consumer encoded stays as it was."""
    kept = [
        part
        for part in query.decode("ascii").split("&")
        if part and parse_qsl(part, keep_blank_values=True)[0][0] not in ("offset", "limit")
    ]
    return "&".join([*map(_safe, kept), urlencode({"offset": offset, "limit": limit})])


def _safe(part: str) -> str:
    """What would end a link in a header, encoded; to us it says the same."""
    return "".join(f"%{ord(one):02X}" if one in '<>";,' else one for one in part)
