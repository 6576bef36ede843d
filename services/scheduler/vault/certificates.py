"""PKCS #12 files of client certificates: what replies tell of them, and what a TLS handshake needs."""

import base64
import re
from datetime import datetime

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from cryptography.x509 import Certificate, Name, NameAttribute, RelativeDistinguishedName
from cryptography.x509.oid import NameOID

from services.scheduler.vault.der import most_rounds

MOST_ROUNDS = 1_000_000
"""Iterations that deriving a key may take, some tenths of a second: a file can ask for hours of work."""
_BLANKS = re.compile(r"\s+")
_SHOWN = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.EMAIL_ADDRESS: "E",
    NameOID.GIVEN_NAME: "G",
    NameOID.INITIALS: "I",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.STATE_OR_PROVINCE_NAME: "S",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.SURNAME: "SN",
    NameOID.TITLE: "T",
}
"""Attributes by their names on Windows, where Azure's replies came from; others show their object identifier."""
_QUOTED = re.compile(r'^\s|\s$|[,+="\n<>#;]|^$')


class PfxFile(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate with its private key; `chain` holds the certificates above it, as far as the file has them."""

    key: PrivateKeyTypes
    certificate: Certificate
    chain: tuple[Certificate, ...] = ()

    @property
    def thumbprint(self) -> str:
        """The SHA-1 hash of the certificate in upper-case hex, as Windows and Azure show it."""
        return self.certificate.fingerprint(SHA1()).hex().upper()  # noqa: S303 - a name, no protection

    @property
    def subject(self) -> str:
        """Whom the certificate names, the most particular first: `CN=Test, O=Example`."""
        return _shown(self.certificate.subject)

    @property
    def expires_at(self) -> datetime:
        """The last instant at which the certificate is valid."""
        return self.certificate.not_valid_after_utc

    def pem(self) -> bytes:
        """Return the key, unprotected, and the certificates as a TLS library reads them."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + b"".join(found.public_bytes(Encoding.PEM) for found in (self.certificate, *self.chain))


def read_pfx(text: str, password: str | None) -> PfxFile:
    """Return what the base64 text of a PKCS #12 file holds; raises ValueError that says what is wrong with it."""
    data = decode_pfx(text)
    key, certificate, more = _opened(data, password)
    certificates = [certificate, *more] if certificate is not None else more
    if key is None:
        raise ValueError("has no private key: export the certificate together with its key")
    if not certificates:
        raise ValueError("has no certificate, only a key")
    own = next((found for found in certificates if _belong_together(key, found)), None)
    if own is None:
        raise ValueError("has a private key that belongs to none of its certificates")
    return PfxFile(key=key, certificate=own, chain=tuple(found for found in certificates if found is not own))


def decode_pfx(text: str) -> bytes:
    """Return the bytes of a file, by all that shows without opening it; raises ValueError as `read_pfx` does."""
    if "-----BEGIN" in text:
        raise ValueError("is PEM; give a PKCS #12 file (.pfx, .p12) in base64")
    try:
        data = base64.b64decode(_BLANKS.sub("", text), validate=True)
    except ValueError:
        raise ValueError("is not base64") from None
    # A PKCS #12 file is a sequence whose first part is its version, 3 (RFC 7292 §4).
    if data[:1] != b"\x30" or b"\x02\x01\x03" not in data[:9]:
        raise ValueError("is no PKCS #12 file (.pfx, .p12) in base64")
    if most_rounds(data) > MOST_ROUNDS:
        raise ValueError(f"takes more than {MOST_ROUNDS} rounds to open; export it with fewer")
    return data


def _opened(data: bytes, password: str | None) -> tuple[PrivateKeyTypes | None, Certificate | None, list[Certificate]]:
    """Open a file; without a password some programs mean none at all, others an empty one."""
    for secret in (password.encode(),) if password else (None, b""):
        try:
            return load_key_and_certificates(data, secret)
        except UnsupportedAlgorithm:
            raise ValueError("is encrypted in a way that is not supported; export it with AES-256") from None
        except (ValueError, TypeError):
            continue
    if password:
        raise ValueError("cannot be opened: the password is wrong, or the file is damaged")
    raise ValueError("cannot be opened without a password")


def _belong_together(key: PrivateKeyTypes, certificate: Certificate) -> bool:
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public == certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _shown(name: Name) -> str:
    return ", ".join(_shown_part(part) for part in reversed(name.rdns))


def _shown_part(part: RelativeDistinguishedName) -> str:
    return " + ".join(f"{_title(found)}={_quoted(found)}" for found in part)


def _title(attribute: NameAttribute[str | bytes]) -> str:
    return _SHOWN.get(attribute.oid, f"OID.{attribute.oid.dotted_string}")


def _quoted(attribute: NameAttribute[str | bytes]) -> str:
    value = attribute.value if isinstance(attribute.value, str) else f"#{attribute.value.hex().upper()}"
    return f'"{value.replace(chr(34), chr(34) * 2)}"' if _QUOTED.search(value) else value
