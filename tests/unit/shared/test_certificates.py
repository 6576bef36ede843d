"""Certificates read without a library, held against one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from shared.certificates import CertificateFacts, read_certificate, read_certificates
from tests.parts.certificates import Authority

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def made(*attributes: x509.NameAttribute[str], until: datetime) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(attributes)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC))
        .not_valid_after(until)
        .sign(key, SHA256())
    )


@pytest.mark.parametrize("name", ["db-0", "Zürich", "东京-0", "a" * 64])
@pytest.mark.parametrize("until", [datetime(2049, 12, 31, tzinfo=UTC), datetime(2050, 1, 1, 1, 2, 3, tzinfo=UTC)])
def test_name_and_span_are_those_that_the_library_reads(name: str, until: datetime) -> None:
    certificate = made(
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Leeward"),
        x509.NameAttribute(NameOID.COMMON_NAME, name),
        until=until,
    )
    facts = read_certificate(certificate.public_bytes(Encoding.DER))
    assert facts.name == name
    assert facts.begins_at == certificate.not_valid_before_utc
    assert facts.expires_at == certificate.not_valid_after_utc


def test_one_without_a_common_name_has_an_empty_one() -> None:
    der = made(x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"), until=NOW).public_bytes(Encoding.DER)
    assert read_certificate(der).name == ""


def test_a_chain_is_read_in_its_order(tmp_path: Path) -> None:
    authority = Authority("above")
    file = tmp_path / "chain.pem"
    file.write_bytes(b"a comment\n" + authority.certify("db-0").pem + authority.identity.pem)
    assert [facts.name for facts in read_certificates(file)] == ["db-0", "above"]


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"])
def test_what_holds_none_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "none.pem"
    file.write_text(text)
    with pytest.raises(ValueError, match="certificate"):
        read_certificates(file)


def test_bytes_of_any_kind_are_refused_and_nothing_else() -> None:
    whole = Authority().identity.certificate.public_bytes(Encoding.DER)
    for length in range(0, 200, 7):
        with pytest.raises(ValueError, match="no certificate"):
            read_certificate(whole[:length])


@pytest.mark.parametrize(("life", "left", "soon"), [(365, 29, True), (365, 31, False), (9, 4, False), (9, 2, True)])
def test_one_that_ends_soon_is_known_by_its_life(life: int, left: int, soon: bool) -> None:
    ends = NOW + timedelta(days=left)
    facts = CertificateFacts(name="", begins_at=ends - timedelta(days=life), expires_at=ends)
    assert facts.ends_soon(NOW) is soon
