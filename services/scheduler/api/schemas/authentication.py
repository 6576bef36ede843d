"""From an `authentication` document to the proof a request carries (reference azure-scheduler §1.6, §1.7)."""

import re
from datetime import UTC

from msgspec.structs import replace

from services.scheduler.api.schemas.actions import AuthenticationDocument, AuthenticationType
from services.scheduler.api.schemas.ground import UNSEALED, Ground
from services.scheduler.api.schemas.texts import check_shape, need_line
from services.scheduler.api.schemas.values import SecretText, rfc3339
from services.scheduler.domain.actions import BasicAuthentication, ClientCertificate, HttpCall, OAuthClient
from services.scheduler.domain.secrets import REFERENCE
from services.scheduler.errors import ConflictError, InvalidInputError
from services.scheduler.vault.pfx_reader import Pfx, Refused
from shared.addresses import is_confidential
from shared.signing import check_signing_secret

_FIELDS = {
    AuthenticationType.NOT_SPECIFIED: (),
    AuthenticationType.BASIC: ("username", "password"),
    AuthenticationType.CLIENT_CERTIFICATE: ("pfx", "password"),
    AuthenticationType.OAUTH: ("secret", "tenant", "audience", "clientId"),
}
_WIRE_NAMES = {name: name for names in _FIELDS.values() for name in names} | {"clientId": "client_id"}
_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62}){0,8}")


def read_authentication(document: AuthenticationDocument, call: HttpCall, field: str, ground: Ground) -> HttpCall:
    """Return the call with the authentication at JSON path `field`, its secrets sealed.

    Raises InvalidInputError, and ConflictError under a plan without authentication.
    """
    kind = document.type
    if kind is None:
        raise InvalidInputError(f"{field}.type", f"is required: {', '.join(list(AuthenticationType)[1:])}")
    if ground.strict:
        _refuse_others(document, kind, field)
    if kind is AuthenticationType.NOT_SPECIFIED:
        return call
    if not ground.allowed.authentication:
        raise ConflictError(f"{field}: the collection's plan has no HTTP authentication; Standard has")
    return _READERS[kind](document, call, field, ground)


def pfx_to_open(document: AuthenticationDocument) -> Pfx | None:
    """Return the file that has to be opened before a document is read, None where it has none.

    What is referred to is opened at each attempt only; what the job holds already was opened once.
    """
    pfx, password = document.pfx, document.password
    given = [text for text in (pfx, password) if text is not None]
    if document.type is not AuthenticationType.CLIENT_CERTIFICATE or pfx is None or any(text.held for text in given):
        return None
    file = Pfx(text="".join(pfx.text.split()), password=password.text or None if password else None)
    referred = file.text.startswith(REFERENCE) or (file.password or "").startswith(REFERENCE)
    return file if file.text and not referred else None


def check_transport(call: HttpCall, field: str) -> None:
    """Refuse what would show a secret to whoever listens, as Azure did (reference azure-scheduler §2.6).

    On its own loopback a machine only listens to itself. A certificate has no way but TLS.
    """
    if call.authentication is None:
        return
    if not isinstance(call.authentication, ClientCertificate):
        for name in call.headers:
            if name.lower() == "authorization":
                raise InvalidInputError(f"{field}.headers.{name}", "is what authentication sets; leave one of them out")
    if isinstance(call.authentication, ClientCertificate) and not call.uri.lower().startswith("https:"):
        raise InvalidInputError(f"{field}.uri", "must begin with https:// for a client certificate to be shown")
    if not is_confidential(call.uri):
        raise InvalidInputError(f"{field}.uri", "must begin with https://: authentication would be sent in clear")


def check_signing(secret: SecretText, field: str) -> None:
    """Refuse what Standard Webhooks cannot sign with; a reference is looked at when it is used."""
    if secret.held is not None or secret.text.startswith(REFERENCE):
        return
    try:
        check_signing_secret(secret.text)
    except ValueError as fault:
        raise InvalidInputError(field, str(fault)) from fault


def _refuse_others(document: AuthenticationDocument, kind: AuthenticationType, field: str) -> None:
    for name, attribute in _WIRE_NAMES.items():
        if name not in _FIELDS[kind] and getattr(document, attribute) is not None:
            raise InvalidInputError(f"{field}.{name}", f"does not go with type {kind}; leave it out")


def _basic(document: AuthenticationDocument, call: HttpCall, field: str, ground: Ground) -> HttpCall:
    username = need_line(document.username, f"{field}.username")
    if ":" in username:
        raise InvalidInputError(f"{field}.username", "holds a colon, which ends a user name (RFC 7617)")
    bare = BasicAuthentication(username=username, password=UNSEALED)
    call = replace(call, authentication=bare)
    password = ground.need(document.password, f"{field}.password", call)
    return replace(call, authentication=replace(bare, password=password))


def _certificate(document: AuthenticationDocument, call: HttpCall, field: str, ground: Ground) -> HttpCall:
    call = replace(call, authentication=ClientCertificate(pfx=UNSEALED))
    pfx, password = document.pfx, document.password
    if password is not None and password.held is None and not password.text:
        password = None
    if pfx is not None and pfx.held is None:
        if password is not None and password.held is not None:
            raise InvalidInputError(f"{field}.password", "goes with pfx: give it again, or null if the file has none")
        pfx = SecretText("".join(pfx.text.split()))
    one = ClientCertificate(
        pfx=ground.need(pfx, f"{field}.pfx", call),
        password=ground.may(password, f"{field}.password", call),
    )
    if pfx is not None and pfx.held is not None:
        return replace(call, authentication=_still_described(one, pfx, field))
    described = _described(one, field, ground) if pfx_to_open(document) else one
    return replace(call, authentication=described)


def _described(one: ClientCertificate, field: str, ground: Ground) -> ClientCertificate:
    """Return the certificate with what replies tell of it."""
    found = ground.author.certificates[field]
    if isinstance(found, Refused):
        raise InvalidInputError(f"{field}.pfx", found.why)
    if found.expires_at <= ground.author.now:
        raise InvalidInputError(f"{field}.pfx", f"expired at {rfc3339(found.expires_at)}; give a newer certificate")
    expires_at = found.expires_at.astimezone(UTC)
    return replace(one, thumbprint=found.thumbprint, subject=found.subject, expires_at=expires_at)


def _still_described(one: ClientCertificate, pfx: SecretText, field: str) -> ClientCertificate:
    known = pfx.held.call.authentication if pfx.held and isinstance(pfx.held.call, HttpCall) else None
    if not isinstance(known, ClientCertificate):
        return one
    if one.password != known.password:
        raise InvalidInputError(f"{field}.pfx", "goes with its password: to change that, give both again")
    return replace(one, thumbprint=known.thumbprint, subject=known.subject, expires_at=known.expires_at)


def _oauth(document: AuthenticationDocument, call: HttpCall, field: str, ground: Ground) -> HttpCall:
    tenant = need_line(document.tenant, f"{field}.tenant")
    check_shape(tenant, f"{field}.tenant", _TENANT, "is no tenant: give its id, or a domain such as contoso.com")
    bare = OAuthClient(
        secret=UNSEALED,
        tenant=tenant,
        audience=need_line(document.audience, f"{field}.audience", 2048),
        client_id=need_line(document.client_id, f"{field}.clientId"),
    )
    call = replace(call, authentication=bare)
    secret = ground.need(document.secret, f"{field}.secret", call)
    return replace(call, authentication=replace(bare, secret=secret))


_READERS = {
    AuthenticationType.BASIC: _basic,
    AuthenticationType.CLIENT_CERTIFICATE: _certificate,
    AuthenticationType.OAUTH: _oauth,
}
