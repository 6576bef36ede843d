"""PKCS #12 files as callers give them: a client certificate with its key, in base64."""

import base64
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

EXPIRES = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


@cache
def a_pfx(password: str | None = "pfx-password", expires: datetime = EXPIRES) -> str:
    """Return one for `CN=leeward-test`; the same for the same arguments."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leeward-test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(expires - timedelta(days=3650))
        .not_valid_after(expires)
        .sign(key, SHA256())
    )
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return base64.b64encode(serialize_key_and_certificates(b"test", key, certificate, None, protection)).decode()
