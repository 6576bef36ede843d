"""Settings: one frozen struct per service, filled from flags, then LEEWARD_* variables, then defaults."""

import difflib
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from shared.addresses import is_loopback
from shared.errors import PermanentError

S = TypeVar("S", bound=msgspec.Struct)

PREFIX = "LEEWARD_"
_HIDDEN = "***"
_SECRET_ENDINGS = ("password", "secret", "token")
_SECRET_ADDRESSES = ("webhook_url",)
"""With many services whoever knows the whole address may post there."""
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_HELP_FLAGS = ("--help", "-h")
_PASSWORD = re.compile(r"(://[^/\s:@]*):[^@\s]*@")
"""One in a URL; faults may quote what was written."""

SHARED_NAMES = frozenset(
    {
        "actions_mqtt_cert",
        "actions_mqtt_key",
        "actions_mqtt_password_file",
        "actions_mqtt_url",
        "approve",
        "audit_days",
        "burst_reads",
        "burst_writes",
        "ca",
        "caller_rate",
        "command",
        "config",
        "context",
        "command_events",
        "command_folder",
        "command_phases",
        "database_url",
        "dry_run",
        "event_pool_share",
        "eventgrid_key_file",
        "eventgrid_listen",
        "eventgrid_listen_cert",
        "eventgrid_listen_key",
        "eventgrid_scope",
        "grace_seconds",
        "group",
        "groups",
        "hold_hours",
        "home_assistant_prefix",
        "host",
        "host_capacity",
        "ignore_freeze_seconds",
        "imds_api_version",
        "imds_url",
        "kubernetes",
        "kubernetes_bare_pods",
        "kubernetes_blocked_pods",
        "kubernetes_by_type",
        "kubernetes_grace_seconds",
        "kubernetes_kubeconfig",
        "kubernetes_leave",
        "kubernetes_node",
        "kubernetes_taint",
        "lease_seconds",
        "limits",
        "listen",
        "listen_cert",
        "listen_key",
        "log_level",
        "maintenance",
        "mqtt_ca",
        "mqtt_cert",
        "mqtt_key",
        "mqtt_password_file",
        "mqtt_url",
        "oauth_authority",
        "oidc_audience",
        "oidc_issuer",
        "oidc_roles_claim",
        "ops_listen",
        "otlp_endpoint",
        "output",
        "poll_seconds",
        "pools",
        "release_rate",
        "replica",
        "resource_group",
        "runners",
        "secret_keys_file",
        "secrets_dir",
        "secrets_env",
        "service_bus_amqp_endpoint",
        "service_bus_endpoint",
        "silent_margin_seconds",
        "state_file",
        "storage_queue_endpoint",
        "subscription",
        "target_concurrency",
        "target_rate",
        "targets_allow",
        "targets_ca",
        "targets_deny",
        "token",
        "token_file",
        "tokens_file",
        "topic_prefix",
        "url",
        "warm_up_seconds",
        "webhook_events",
        "webhook_phases",
        "webhook_required",
        "webhook_secret_file",
        "webhook_template_file",
        "webhook_url",
    }
)
"""The settings of all programs: each accepts the others' variables, so that one environment serves them all."""


class SettingsError(PermanentError):
    """Settings that cannot be used; the message lists every fault, one a line."""


class Listen(msgspec.Struct, frozen=True):
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return the form that `parse_listen` reads."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


def parse_listen(text: str) -> Listen:
    """Read `host:port` or `[IPv6]:port`; raises ValueError that says what to write."""
    host, _, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    plain = host[1:-1] if bracketed else host
    if not plain or (":" in plain) != bracketed or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError("write host:port, for example 127.0.0.1:8080 or [::1]:8080")
    return Listen(plain, int(port))


def load(kind: type[S], environment: Mapping[str, str], arguments: Sequence[str] = ()) -> S:
    """Return the settings `kind`, or raise SettingsError with all faults; `--help` prints them and exits with 0.

    Field `poll_seconds` is `--poll-seconds`, else LEEWARD_POLL_SECONDS, else its default. An empty variable counts
    as unset, except for lists. ValueErrors of `__post_init__` are faults too, one for each of their arguments.
    """
    if any(argument in _HELP_FLAGS for argument in arguments):
        sys.stdout.write(describe(kind))
        raise SystemExit(0)
    faults: list[str] = []
    settings = _build(kind, _texts(kind, environment, arguments, faults), faults)
    if faults or settings is None:
        told = (_PASSWORD.sub(rf"\1:{_HIDDEN}@", fault) for fault in faults)
        raise SettingsError("\n".join(["these settings cannot be used:", *(f"  {fault}" for fault in told)]))
    return settings


def sources(
    kind: type[msgspec.Struct], environment: Mapping[str, str], arguments: Sequence[str] = ()
) -> dict[str, str]:
    """Return by field which variable or flag `load` takes its value from; those at their defaults are not there."""
    return {name: text.source for name, text in _texts(kind, environment, arguments, []).items()}


def masked(settings: msgspec.Struct) -> dict[str, str]:
    """Return every setting as text for the start-up log, without passwords and tokens."""
    return {name: _mask(name, getattr(settings, name)) for name in settings.__struct_fields__}


def describe(kind: type[msgspec.Struct]) -> str:
    """Return the text of `--help`: each setting with its variable, default and purpose."""
    notes: Mapping[str, str] = getattr(kind, "describe", {})
    lines = ["Settings, each a flag or an environment variable:", ""]
    for field in msgspec.structs.fields(kind):
        default = "required" if field.required else f"default {_mask(field.name, _default(field)) or 'none'}"
        lines.append(f"  {_flag(field.name)}  {_variable(field.name)}  ({default})")
        if field.name in notes:
            lines.append(f"      {notes[field.name]}")
    return "\n".join([*lines, ""])


class _Text(msgspec.Struct, frozen=True):
    """What somebody wrote for a field, and where."""

    source: str
    value: str


def _texts(
    kind: type[msgspec.Struct], environment: Mapping[str, str], arguments: Sequence[str], faults: list[str]
) -> dict[str, _Text]:
    hints = _hints(kind)
    found = dict(_from_environment(hints, environment, faults))
    found.update(_from_arguments(hints, arguments, faults))
    return found


def _from_environment(
    hints: Mapping[str, object], environment: Mapping[str, str], faults: list[str]
) -> Iterator[tuple[str, _Text]]:
    for variable in sorted(name for name in environment if name.startswith(PREFIX)):
        name = variable.removeprefix(PREFIX).lower()
        known = variable == _variable(name) and name in SHARED_NAMES.union(hints)
        if not known:
            faults.append(f"{variable} is unknown{_nearest(variable, map(_variable, SHARED_NAMES.union(hints)))}")
        elif name in hints and (environment[variable] or _is_list(hints[name])):
            yield name, _Text(variable, environment[variable])


def _from_arguments(
    hints: Mapping[str, object], arguments: Sequence[str], faults: list[str]
) -> Iterator[tuple[str, _Text]]:
    waiting = list(reversed(arguments))
    while waiting:
        flag, equals, value = waiting.pop().partition("=")
        name = flag.removeprefix("--").replace("-", "_")
        if flag != _flag(name) or name not in hints:
            faults.append(f"{flag} is unknown{_nearest(flag, map(_flag, hints))}")
            if not equals and waiting and not waiting[-1].startswith("--"):
                waiting.pop()
        elif equals:
            yield name, _Text(flag, value)
        elif waiting and not waiting[-1].startswith("--"):
            yield name, _Text(flag, waiting.pop())
        elif _plain(hints[name]) is bool:
            yield name, _Text(flag, "true")
        else:
            faults.append(f"{flag} needs a value")


def _build(kind: type[S], texts: Mapping[str, _Text], faults: list[str]) -> S | None:
    hints = _hints(kind)
    values: dict[str, object] = {}
    for name, text in texts.items():
        try:
            values[name] = _read(hints[name], text.value)
        except ValueError as fault:
            faults.append(f"{text.source}={_mask(name, text.value)}: {fault}")
    missing = [field.name for field in msgspec.structs.fields(kind) if field.required and field.name not in values]
    faults.extend(f"{_variable(name)} (or {_flag(name)}) is required" for name in missing if name not in texts)
    if missing:
        return None
    try:
        # With a faulty value left at its default the rest can still be judged, so that all faults come together.
        return kind(**values)
    except ValueError as fault:
        faults.extend(str(part) for part in fault.args)
        return None


def _read(hint: object, text: str) -> object:
    plain = _plain(hint)
    if _is_list(hint):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(plain, type) and issubclass(plain, StrEnum):
        return _read_choice(plain, text)
    reader = _READERS.get(plain)
    if reader is None:
        raise TypeError(f"settings cannot hold {hint!r}")
    return reader(text)


def _read_choice(kind: type[StrEnum], text: str) -> StrEnum:
    try:
        return kind(text.strip().lower())
    except ValueError:
        raise ValueError(f"write one of {', '.join(kind)}{_nearest(text, kind)}") from None


def _read_boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise ValueError("write true or false") from None


def _read_integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("write a whole number") from None


def _read_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError("write a number") from None
    if number - number != 0:
        raise ValueError("write a finite number")
    return number


_READERS: Mapping[object, Callable[[str], object]] = {
    str: str,
    bool: _read_boolean,
    int: _read_integer,
    float: _read_number,
    Path: Path,
    Listen: parse_listen,
}


def _hints(kind: type[msgspec.Struct]) -> dict[str, object]:
    hints = typing.get_type_hints(kind)
    return {name: hints[name] for name in kind.__struct_fields__}


def _plain(hint: object) -> object:
    """Return X for `X | None`, anything else unchanged."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(choice for choice in typing.get_args(hint) if choice is not types.NoneType)
    return hint


def _is_list(hint: object) -> bool:
    return typing.get_origin(_plain(hint)) is tuple


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _nearest(word: str, known: Iterable[str]) -> str:
    matches = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def _mask(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(_mask(name, part) for part in value)
    text = str(value)
    if name.endswith(_SECRET_ENDINGS):
        return _HIDDEN
    if name in _SECRET_ADDRESSES:
        return _origin(text)
    return _mask_url(text) if "://" in text else text


def _origin(text: str) -> str:
    """Return no more of a URL than scheme, host and port."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return _HIDDEN
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}/{_HIDDEN}" if parts.scheme and place else _HIDDEN


def _mask_url(text: str) -> str:
    """Return a URL without its password and those in its query, as libpq takes them; nothing of one that is none."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return _HIDDEN
    user, at, place = parts.netloc.rpartition("@")
    if not at and ":" in place and "@" in text:
        return f"{parts.scheme}://{_HIDDEN}"  # a password with a sign in it that ends what it stands in
    hidden = f"{user.partition(':')[0]}:{_HIDDEN}" if ":" in user else user
    query = "&".join(map(_mask_parameter, parts.query.split("&")))
    masked_parts = parts._replace(netloc=f"{hidden}{at}{place}", query=query)
    return text if masked_parts == parts else urlunsplit(masked_parts)


def _mask_parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}{equals}{_HIDDEN}" if unquote(name).lower().endswith(_SECRET_ENDINGS) else parameter
