"""What nobody has documented (UNVERIFIED in the reference) and the emulator answers all the same: every guess, alone.

Do not build a program on these answers: each may turn out different on Azure, and then changes here and nowhere else.
"""

from typing import Final

FORWARDED_STATUS: Final = 400
"""A request with X-Forwarded-For is refused; with which status is not stated (reference §1.1)."""
UNKNOWN_EVENT_STATUS: Final = 400
"""A StartRequest for an id that is unknown or finished (§1.10): an error here, so that nobody overlooks it."""
APPROVAL_BODY: Final = b""
"""What a 200 to a StartRequest carries (§1.1); Microsoft's mock sends the document."""
LEAF_AS_JSON_STATUS: Final = 400
"""A leaf of the instance document without `format=text`, which it needs (§1.14)."""
VERSIONS_NEED_HEADER: Final = True
"""Whether `/metadata/versions` enforces `Metadata: true`."""


def etag(incarnation: int) -> str:
    """Return the ETag of a document; that Azure sends one is seen in a sample only (§1.1)."""
    return f'"{incarnation}"'
