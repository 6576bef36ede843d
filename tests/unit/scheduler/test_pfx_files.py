"""PKCS #12 files: what is read of them, and what is said of those that cannot be used."""

import base64
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.vault.certificates import PfxFile, read_pfx
from services.scheduler.vault.der import most_rounds
from tests.parts.certificates import Authority, Identity

AUTHORITY = Authority()
CLIENT, OTHER = AUTHORITY.certify("client"), AUTHORITY.certify("other")
PASSWORD = "pässword"


def in_base64(key: ec.EllipticCurvePrivateKey | None, *certificates: x509.Certificate, password: str = PASSWORD) -> str:
    first = certificates[0] if certificates else None
    locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    data = serialize_key_and_certificates(None, key, first, certificates[1:], locked)
    return base64.b64encode(data).decode()


def named(*attributes: tuple[x509.ObjectIdentifier, str]) -> PfxFile:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])
    until = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(until)
        .sign(key, SHA256())
    )
    return read_pfx(Identity(key, certificate).pfx(), None)


@pytest.mark.parametrize("password", [PASSWORD, None, ""])
def test_a_certificate_is_read_with_its_key_and_chain(password: str | None) -> None:
    text = in_base64(CLIENT.key, CLIENT.certificate, AUTHORITY.identity.certificate, password=password or "")
    file = read_pfx(text, password)
    assert (file.subject, file.chain) == ("CN=client", (AUTHORITY.identity.certificate,))
    assert file.thumbprint == CLIENT.certificate.fingerprint(SHA1()).hex().upper()
    assert file.expires_at == CLIENT.certificate.not_valid_after_utc
    assert [part.split(b"-----")[0] for part in file.pem().split(b"-----BEGIN ")[1:]] == [
        b"PRIVATE KEY",
        b"CERTIFICATE",
        b"CERTIFICATE",
    ]


def test_line_breaks_in_base64_do_no_harm() -> None:
    text = in_base64(CLIENT.key, CLIENT.certificate)
    broken = "\r\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    assert read_pfx(f"{broken}\r\n", PASSWORD).subject == "CN=client"


def test_the_certificate_is_the_one_that_the_key_belongs_to() -> None:
    file = read_pfx(in_base64(CLIENT.key, CLIENT.certificate, OTHER.certificate), PASSWORD)
    assert (file.certificate, file.chain) == (CLIENT.certificate, (OTHER.certificate,))


def test_a_subject_reads_as_on_windows() -> None:
    file = named(
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.STATE_OR_PROVINCE_NAME, "WA"),
        (NameOID.ORGANIZATION_NAME, 'Contoso, "Inc."'),
        (NameOID.EMAIL_ADDRESS, "a@contoso.example"),
        (NameOID.USER_ID, "7"),
        (NameOID.COMMON_NAME, "Test"),
    )
    unknown = "OID.0.9.2342.19200300.100.1.1=7"
    assert file.subject == f'CN=Test, {unknown}, E=a@contoso.example, O="Contoso, ""Inc.""", S=WA, C=US'
    assert file.expires_at == datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "password", "said"),
    [
        ("no base64!", None, "is not base64"),
        ("", None, "is no PKCS #12 file"),
        (base64.b64encode(b"hello").decode(), None, "is no PKCS #12 file"),
        (base64.b64encode(b"\x30\x05\x02\x01\x03\x30\x00").decode(), PASSWORD, "the file is damaged"),
        (CLIENT.pem.decode(), None, "is PEM"),
        (in_base64(CLIENT.key, CLIENT.certificate), None, "cannot be opened without a password"),
        (in_base64(CLIENT.key, CLIENT.certificate), "", "cannot be opened without a password"),
        (in_base64(CLIENT.key, CLIENT.certificate), "wrong", "the password is wrong"),
        (in_base64(CLIENT.key, CLIENT.certificate, password=""), "needless", "the password is wrong"),
        (in_base64(CLIENT.key, CLIENT.certificate)[:400], PASSWORD, "the file is damaged"),
        (in_base64(None, CLIENT.certificate), PASSWORD, "has no private key"),
        (in_base64(CLIENT.key), PASSWORD, "has no certificate, only a key"),
    ],
)
def test_what_cannot_be_used_is_told(text: str, password: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        read_pfx(text, password)
    assert PASSWORD not in str(refused.value)


def exported(folder: Path, *options: str) -> bytes:
    """Return a file of OpenSSL's making, password `old`."""
    certificate, key = CLIENT.files(folder, "client")
    files = ("-in", str(certificate), "-inkey", str(key), "-out", str(folder / "made.pfx"))
    command = ("openssl", "pkcs12", "-export", *options, *files, "-passout", "pass:old")
    subprocess.run(command, check=True, capture_output=True)
    return (folder / "made.pfx").read_bytes()


@pytest.mark.parametrize("options", [(), ("-legacy",), ("-keypbe", "NONE"), ("-certpbe", "NONE"), ("-nomac",)])
def test_files_of_other_makers_are_read(tmp_path: Path, options: tuple[str, ...]) -> None:
    data = exported(tmp_path, *options)
    assert read_pfx(base64.b64encode(data).decode(), "old").subject == "CN=client"
    assert most_rounds(data) == 2048


def test_a_file_that_takes_hours_to_open_is_not_opened(tmp_path: Path) -> None:
    data = exported(tmp_path, "-iter", "100000")
    rounds, many = b"\x02\x03\x01\x86\xa0", b"\x02\x03\x7f\xff\xff"
    places = [at for at in range(len(data)) if data.startswith(rounds, at)]
    assert len(places) == 3  # for the certificate, for the key, and against changes
    for at in places:
        dear = data[:at] + many + data[at + len(many) :]
        with pytest.raises(ValueError, match="takes more than 1000000 rounds to open"):
            read_pfx(base64.b64encode(dear).decode(), "old")


@given(st.binary(max_size=200))
def test_counting_rounds_takes_any_bytes(data: bytes) -> None:
    assert most_rounds(data) >= 0
    assert most_rounds(b"\x30\x80" + data) >= 0
