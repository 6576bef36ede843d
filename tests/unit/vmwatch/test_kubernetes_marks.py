"""Whose cordon it is stands on the node; whatever comes in whatever order, nobody else's cordon is undone."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.vmwatch.responders.kubernetes.marks import (
    EFFECT,
    MANAGER,
    MARK,
    Claim,
    Cordon,
    Patch,
    close,
    read_mark,
    reopen,
)
from services.vmwatch.responders.kubernetes.objects import Node, Taint

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPEN = Node(name="n", version="1")
IDS = ("E1", "E2", "E3")


def claim(event_id: str, standing: frozenset[str] = frozenset(), *, taint: str = "leeward.io/event") -> Claim:
    return Claim(host="db-0", event_id=event_id, event_type="Reboot", standing=standing, taint=taint)


def patched(node: Node, patch: Patch | None, manager: str = MANAGER) -> Node:
    """Return what the API server makes of a patch."""
    if patch is None:
        return node
    body = patch.body()
    text = body["metadata"]["annotations"][MARK]  # type: ignore[index]
    closed = node.closed if patch.closed is None else patch.closed
    changed = replace(node, closed=closed, taints=patch.taints, annotations={MARK: text} if text else {})
    return changed if closed == node.closed else replace(changed, closers=frozenset({manager} if closed else ()))


def by_hand(node: Node, *, closed: bool) -> Node:
    return (
        node
        if node.closed is closed
        else replace(node, closed=closed, closers=frozenset({"kubectl"} if closed else ()))
    )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["begins", "ends", "again"]), st.sampled_from(IDS)),
        st.tuples(st.sampled_from(["cordoned by hand", "uncordoned by hand"]), st.just("")),
    ),
    max_size=15,
)


@given(steps=STEPS)
def test_once_all_events_are_over_the_node_is_as_others_want_it(steps: list[tuple[str, str]]) -> None:
    node, standing, theirs = OPEN, set[str](), False
    for what, event_id in [*steps, *(("ends", each) for each in IDS)]:
        if what == "begins" or (what == "again" and event_id in standing):
            standing.add(event_id)
            node = patched(node, close(node, claim(event_id, frozenset(standing)), NOON))
            assert node.closed
        elif what == "ends":
            standing.discard(event_id)
            node = patched(node, reopen(node, sorted(standing)))
        elif what.endswith("hand"):
            wants = what.startswith("cordoned")
            # `kubectl cordon` leaves alone what is closed already: nobody can see that it was wanted twice.
            theirs = wants if node.closed is not wants else theirs and wants
            node = by_hand(node, closed=wants)
    assert node.closed is theirs
    assert (node.taints, node.annotations) == ((), {})


def test_a_second_look_at_a_marked_node_changes_nothing() -> None:
    node = patched(OPEN, close(OPEN, claim("E1"), NOON))
    assert close(node, claim("E1"), NOON.replace(hour=13)) is None
    assert node.taints == (Taint(key="leeward.io/event", effect=EFFECT, value="reboot"),)


def test_a_mark_that_cannot_be_read_makes_the_cordon_somebody_elses() -> None:
    node = replace(OPEN, closed=True, annotations={MARK: "{"})
    assert read_mark(node) is None
    assert reopen(node, []) is None
    mark = read_mark(patched(node, close(node, claim("E1"), NOON)))
    assert mark is not None
    assert mark.cordon is Cordon.THEIRS


def test_another_taint_key_takes_the_place_of_the_one_before() -> None:
    node = patched(OPEN, close(OPEN, claim("E1"), NOON))
    node = patched(node, close(node, claim("E1", taint="ops/weather"), NOON))
    assert [taint.key for taint in node.taints] == ["ops/weather"]
    assert patched(node, reopen(node, [])).taints == ()


def test_a_patch_carries_the_version_that_it_was_made_from() -> None:
    patch = close(replace(OPEN, version="77"), claim("E1"), NOON)
    assert patch is not None
    assert patch.body()["metadata"]["resourceVersion"] == "77"  # type: ignore[index]
