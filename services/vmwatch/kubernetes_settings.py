"""What an operator can choose about the Kubernetes node of this VM: what an event does to it, and to which pods."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

DEFAULT_TAINT: Final = "leeward.io/event"
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_DOMAIN: Final = re.compile(r"(?=.{1,253}/)[a-z0-9]([a-z0-9.-]*[a-z0-9])?/")


class KubernetesMode(StrEnum):
    """What an event does to the node: nothing, keep new pods away, or also move those that run there."""

    OFF = "off"
    CORDON = "cordon"
    DRAIN = "drain"


class BlockedPods(StrEnum):
    """What becomes of a pod that its disruption budget keeps until the last instant.

    FAIL: it stays, and the host does not count as drained. DELETE: it is deleted past the budget, while there still is
    time for it to end in order.
    """

    FAIL = "fail"
    DELETE = "delete"


class BarePods(StrEnum):
    """What becomes of a pod that no controller would start elsewhere: it stays, or is evicted and gone for good."""

    LEAVE = "leave"
    EVICT = "evict"


class KubernetesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything chosen about the node; `grace_seconds` None: each pod ends within what it asks for itself.

    `by_type` has event types in lower case. `left_labels` are `key` or `key=value`: a pod with one of them stays.
    """

    mode: KubernetesMode = KubernetesMode.OFF
    by_type: Mapping[str, KubernetesMode] = {}
    kubeconfig: Path | None = None
    node: str | None = None
    grace_seconds: int | None = None
    left_labels: tuple[str, ...] = ()
    bare_pods: BarePods = BarePods.LEAVE
    blocked_pods: BlockedPods = BlockedPods.FAIL
    taint: str = DEFAULT_TAINT
    ignore_freeze_seconds: int = 0


def parse_modes(entries: Iterable[str]) -> dict[str, KubernetesMode]:
    """Read `Freeze=cordon` and its like, by type in lower case; raises ValueError that says what to write."""
    modes: dict[str, KubernetesMode] = {}
    for entry in entries:
        kind, equals, mode = (part.strip() for part in entry.partition("="))
        if not kind or not equals or mode.lower() not in set(KubernetesMode):
            raise ValueError(f"write a type of event and {', '.join(KubernetesMode)}, such as Reboot=drain")
        modes[kind.lower()] = KubernetesMode(mode.lower())
    return modes


def kubernetes_faults(
    *,
    by_type: Iterable[str],
    grace_seconds: int | None,
    left_labels: Iterable[str],
    taint: str,
    ignore_freeze_seconds: int,
) -> Iterator[str]:
    """Yield what cannot work."""
    for entry in by_type:
        yield from _fault("kubernetes_by_type", entry, lambda text: parse_modes([text]))
    for label in left_labels:
        yield from _fault("kubernetes_leave", label, _check_label)
    yield from _fault("kubernetes_taint", taint, _check_key)
    if grace_seconds is not None and grace_seconds < 1:
        yield f"kubernetes_grace_seconds={grace_seconds}: use at least 1"
    if ignore_freeze_seconds < 0:
        yield f"ignore_freeze_seconds={ignore_freeze_seconds}: use 0 or more"


def _fault(name: str, text: str, check: Callable[[str], object]) -> Iterator[str]:
    try:
        check(text)
    except ValueError as fault:
        yield f"{name}={text}: {fault}"


def _check_key(key: str) -> None:
    domain = _DOMAIN.match(key)
    if _NAME.fullmatch(key, domain.end() if domain else 0) is None:
        raise ValueError("write name or domain/name, such as leeward.io/event, of letters, digits, - _ and .")


def _check_label(entry: str) -> None:
    key, _, value = entry.partition("=")
    _check_key(key)
    if value and _NAME.fullmatch(value) is None:
        raise ValueError("a label's value has up to 63 letters, digits, - _ and .")
