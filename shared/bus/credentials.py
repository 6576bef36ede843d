"""How we prove to the broker who we are and it to us: user, password and certificates, read anew each time."""

import re
import ssl
from urllib.parse import SplitResult, unquote

import aiomqtt

from shared.bus.publications import BusSettings, BusSettingsError

_ALERT = re.compile(r"\[SSL: \w*ALERT\w*\] ([\w ]+)")


class CertificateRefusedError(aiomqtt.MqttError):
    """One side does not accept the other's certificate; trying again soon does not help."""


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def tls_context(settings: BusSettings, place: SplitResult) -> ssl.SSLContext | None:
    """Return the context for `mqtts://`, None for `mqtt://`; raises BusSettingsError for files that cannot be used."""
    if place.scheme != "mqtts":
        if settings.ca or settings.cert or settings.key:
            raise BusSettingsError(f"certificate files are given for {place.hostname}, but no TLS: write mqtts://")
        return None
    if settings.key and not settings.cert:
        raise BusSettingsError(f"a private key is given for {place.hostname}, but no certificate")
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.cert is not None:
            context.load_cert_chain(settings.cert, settings.key)
    except OSError as fault:
        raise BusSettingsError(f"the certificate files for {place.hostname} cannot be used: {fault}") from fault
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _TidySocket
    return context


def user_and_password(settings: BusSettings, place: SplitResult) -> tuple[str | None, str | None]:
    """Return both as the address or the password's file has them; raises BusSettingsError."""
    user = unquote(place.username) if place.username else None
    if settings.password_file is None:
        return user, unquote(place.password) if place.password else None
    if user is None or place.password:
        raise BusSettingsError(f"the password for {place.hostname} is in a file: write mqtts://user@host, without one")
    try:
        return user, settings.password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise BusSettingsError(f"the password file for {place.hostname} cannot be used: {fault}") from fault


def distrust(why: str) -> CertificateRefusedError:
    """Return the error for a broker whose certificate does not hold, for the reason that OpenSSL gives."""
    return CertificateRefusedError(f"the broker's certificate is not trusted: {why.rstrip('.')}")


def hung_up(said: str) -> aiomqtt.MqttError:
    """Return what it means that the broker ended a connection before it answered; `said` are paho's last words.

    With TLS 1.3 a client learns what the broker thinks of its certificate only after the handshake.
    """
    alert = _ALERT.search(said)
    if alert is None:
        return aiomqtt.MqttError("the broker hung up before it answered")
    return CertificateRefusedError(f"the broker does not accept our certificate: {alert[1].strip()}")
