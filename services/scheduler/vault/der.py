"""How much work a PKCS #12 file asks of who opens it, read before it is opened (RFC 7292, X.690)."""

from collections.abc import Iterator

_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30
_CONSTRUCTED, _MORE, _LONG_TAG = 0x20, 0x80, 0x1F
_DEEPEST = 20
"""Levels looked into; a file of the usual programs has about ten."""


def most_rounds(data: bytes) -> int:
    """Return the highest iteration count that stands readable in a file, 0 if there is none.

    In every scheme it is the number that follows the salt: MacData, PBE parameters (RFC 7292 §4, appendix C), PBKDF2
    (RFC 8018 §A.2). What stands inside encrypted contents is not seen.
    """
    return max(_rounds(data, 0), default=0)


def _rounds(data: bytes, depth: int) -> Iterator[int]:
    before = 0
    for tag, content in _elements(data):
        if tag == _INTEGER and before == _OCTETS:
            yield int.from_bytes(content)
        nested = tag & _CONSTRUCTED or (tag == _OCTETS and content[:1] == bytes([_SEQUENCE]))
        if nested and depth < _DEEPEST:
            yield from _rounds(content, depth + 1)
        before = tag


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the first octet of the tag, and the content, of each element of one level, as far as they are whole."""
    at = 0
    while at + 2 <= len(data):
        tag, at = data[at], at + 1
        if tag & _LONG_TAG == _LONG_TAG:
            while at < len(data) and data[at] & _MORE:
                at += 1
            at += 1
        length, at = _length(data, at)
        yield tag, data[at : at + length]
        at += length


def _length(data: bytes, at: int) -> tuple[int, int]:
    first = data[at] if at < len(data) else 0
    if first < _MORE:
        return first, at + 1
    end = at + 1 + (first & ~_MORE)
    return int.from_bytes(data[at + 1 : end]), end
