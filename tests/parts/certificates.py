"""A certificate authority of the tests' own: certificates for servers and clients, as files, contexts and PKCS #12."""

import base64
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOCAL = ("localhost", "127.0.0.1", "::1")
_BEGAN = timedelta(days=2)
_PURPOSES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


class Identity:
    """A certificate, its key, and the certificates above it."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, *chain: x509.Certificate
    ) -> None:
        self.key = key
        self.certificate = certificate
        self.chain = chain
        self._pfx: dict[str | None, str] = {}

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def files(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write `name`.crt, with the chain, and `name`.key; return both."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_bytes(self.pem + b"".join(above.public_bytes(Encoding.PEM) for above in self.chain))
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key

    def pfx(self, password: str | None = None) -> str:
        """Return it as callers give it: PKCS #12 in base64; the same text each time."""
        if password not in self._pfx:
            self._pfx[password] = self._locked(password)
        return self._pfx[password]

    def _locked(self, password: str | None) -> str:
        protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        data = serialize_key_and_certificates(b"test", self.key, self.certificate, self.chain, protection)
        return base64.b64encode(data).decode()

    def serving(self, *, clients_of: "Authority | None" = None) -> ssl.SSLContext:
        """Return the context of a server that shows it, and asks for certificates of `clients_of`."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        with TemporaryDirectory() as folder:
            context.load_cert_chain(*self.files(Path(folder), "server"))
        if clients_of is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=clients_of.identity.pem.decode())
        return context


class Authority:
    """Signs certificates."""

    def __init__(self, name: str = "an authority") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        certificate = (
            _begun(subject, subject, key, datetime.now(UTC) + timedelta(days=10))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, SHA256())
        )
        self.identity = Identity(key, certificate)

    def file(self, folder: Path) -> Path:
        """Write the authority's own certificate and return the file."""
        return self.identity.files(folder, "authority")[0]

    def certify(self, name: str, *alternatives: str, expires: datetime | None = None) -> Identity:
        """Return a certificate for `CN=name` and the hosts and addresses it is good for; by default a day long."""
        key = ec.generate_private_key(ec.SECP256R1())
        hosts = x509.SubjectAlternativeName([_host(text) for text in alternatives or (name,)])
        issuer = self.identity.certificate.subject
        until = expires or datetime.now(UTC) + timedelta(days=1)
        certificate = (
            _begun(_name(name), issuer, key, until)
            .add_extension(hosts, critical=False)
            .add_extension(_PURPOSES, critical=False)
            .sign(self.identity.key, SHA256())
        )
        return Identity(key, certificate)


def self_signed(name: str, *alternatives: str, expires: datetime | None = None) -> Identity:
    """Return a certificate that nobody vouches for; by default a day long."""
    key = ec.generate_private_key(ec.SECP256R1())
    hosts = x509.SubjectAlternativeName([_host(text) for text in alternatives or (name,)])
    until = expires or datetime.now(UTC) + timedelta(days=1)
    built = _begun(_name(name), _name(name), key, until).add_extension(hosts, critical=False)
    return Identity(key, built.sign(key, SHA256()))


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(until, datetime.now(UTC)) - _BEGAN)
        .not_valid_after(until)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)
