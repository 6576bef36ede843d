"""Shared access signatures of Service Bus: who holds the key may send, until the token ends.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
"""

import base64
import hmac
from datetime import datetime
from urllib.parse import quote_plus


def shared_access_signature(resource: str, key_name: str, key: str, ends_at: datetime) -> str:
    """Return the value of `Authorization` for an address, signed with HMAC-SHA256 over address and end.

    The key is used as the text that Azure shows, not decoded.
    """
    address, end = quote_plus(resource), int(ends_at.timestamp())
    digest = hmac.digest(key.encode(), f"{address}\n{end}".encode(), "sha256")
    signature = quote_plus(base64.b64encode(digest))
    return f"SharedAccessSignature sr={address}&sig={signature}&se={end}&skn={quote_plus(key_name)}"
