"""What no struct says about the bus: who speaks and who listens where, and words for people (docs/asyncapi.yaml)."""

from enum import StrEnum

import msgspec

from services.vmwatch.watcher import HEARTBEAT_SECONDS
from shared.bus.publications import PAYLOAD_LIMIT
from shared.messages import (
    ApproveCommand,
    ApproveReply,
    Block,
    Drain,
    EventSnapshot,
    ExecutionKind,
    HostStatus,
    Inventory,
    NoticeKind,
    ReplicaStatus,
)
from shared.topics import RESPONDERS_BLOCK

CLEARED = "Cleared"
EVENT_TYPE = "io.leeward.event"
EXECUTION_TYPE = "io.leeward.execution"


class Role(StrEnum):
    """Who takes part in the bus; each has its identity, or two, in k8s/base/broker/mosquitto.acl."""

    WATCHER = "vmwatch"
    SCHEDULER = "scheduler"
    PROGRAM = "program"


ROLES = {
    Role.WATCHER: "One `leeward-vmwatch` for each VM: it speaks for its own host alone.",
    Role.SCHEDULER: "All replicas of `leeward-scheduler`.",
    Role.PROGRAM: "Any other program. Only those that may make approvals wait write, and only blocks.",
}


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """How a request is answered: on a channel, or where the request itself says (`address`)."""

    channel: str
    address: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What one role does on a channel; `messages` narrows what it sends."""

    role: Role
    sends: bool
    summary: str
    messages: tuple[str, ...] = ()
    will: bool = False
    reply: Reply | None = None


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What is said on one topic; `topic` names its builder in `Topics`, None for wherever a request says."""

    topic: str | None
    title: str
    description: str
    messages: tuple[str, ...]
    retained: bool = False
    operations: tuple[Operation, ...] = ()


def message_name(prefix: str, kind: StrEnum) -> str:
    """Return what the message of one CloudEvent type is called."""
    return f"{prefix}{kind.title()}"


def _send(role: Role, summary: str, *, messages: tuple[str, ...] = (), will: bool = False) -> Operation:
    return Operation(role=role, sends=True, summary=summary, messages=messages, will=will)


def _hear(role: Role, summary: str) -> Operation:
    return Operation(role=role, sends=False, summary=summary)


_OWN = "Hear its own state back, which proves its rights, and say it again when somebody else has changed it."

CHANNELS = {
    "HostStatus": Channel(
        topic="status",
        title="Watchers",
        description=f"Whether a host's watcher lives; again every {HEARTBEAT_SECONDS:g} s, and it counts for 45 s. "
        "*Offline* never means *no events*: a healthy neighbour reports for a host that is gone.",
        messages=(HostStatus.__name__,),
        retained=True,
        operations=(
            _send(Role.WATCHER, "Say that this watcher lives and how it fares.", will=True),
            _hear(Role.WATCHER, _OWN),
            _hear(Role.SCHEDULER, "Know whose reports are fresh."),
            _hear(Role.PROGRAM, "See which watchers live."),
        ),
    ),
    "Inventory": Channel(
        topic="inventory",
        title="Inventory",
        description="Who a host is: names, addresses, pools, and the group that sees the same events.",
        messages=(Inventory.__name__,),
        retained=True,
        operations=(
            _send(Role.WATCHER, "Say who this host is, when that has changed."),
            _hear(Role.WATCHER, _OWN),
            _hear(Role.SCHEDULER, "Know which hosts there are and which can stand in for each other."),
            _hear(Role.PROGRAM, "See which hosts there are."),
        ),
    ),
    "Events": Channel(
        topic="events",
        title="Events",
        description="The whole document of events as one watcher sees it, complete in itself: it does not matter what "
        "was missed. A lower `sequence` of the same `session` is stale; a new session starts anew.",
        messages=(EventSnapshot.__name__,),
        retained=True,
        operations=(
            _send(Role.WATCHER, "Show everything that Azure announces to this host."),
            _hear(Role.WATCHER, _OWN),
            _hear(Role.SCHEDULER, "Learn which hosts are threatened, and when that is over."),
            _hear(Role.PROGRAM, "See which hosts are threatened, and when that is over."),
        ),
    ),
    "Notices": Channel(
        topic="notice",
        title="Notices",
        description="News of events that hit the host itself: one CloudEvent (structured mode) for each transition. "
        "The same news has the same `id`, also after the watcher was restarted, so that it can be dropped.",
        messages=tuple(message_name("Event", kind) for kind in NoticeKind),
        operations=(
            _send(Role.WATCHER, "Tell of a transition; kept for those away until an hour after NotBefore."),
            _hear(Role.PROGRAM, "Hear what happens to hosts."),
        ),
    ),
    "Drains": Channel(
        topic="drain",
        title="Drains",
        description="How far a host is emptied for an event, over all replicas; cleared when the event is over.",
        messages=(Drain.__name__, CLEARED),
        retained=True,
        operations=(
            _send(Role.SCHEDULER, "Tell how far a host is emptied."),
            _hear(Role.WATCHER, "Tell its responders that the host is drained, or was not in time."),
            _hear(Role.SCHEDULER, "Find what a scheduler that died could not clear, and hear its own state back."),
            _hear(Role.PROGRAM, "See how far a host is emptied."),
        ),
    ),
    "Approvals": Channel(
        topic="approve",
        title="Approvals",
        description="The command to let Azure start an event now: a request that the watcher answers (MQTT 5 response "
        "topic and correlation data). Never retained: a retained one is refused. Between the two services.",
        messages=(ApproveCommand.__name__,),
        operations=(
            Operation(
                role=Role.SCHEDULER,
                sends=True,
                summary="Ask for the start of an event whose hosts are drained: one replica, one watcher at a time.",
                reply=Reply(channel="Replies"),
            ),
            Operation(
                role=Role.WATCHER,
                sends=False,
                summary="Tell Azure, but only of events that this watcher has itself read from Azure.",
                reply=Reply(channel="ResponseTopic", address=True),
            ),
        ),
    ),
    "Replies": Channel(
        topic="reply",
        title="Replies",
        description="Where a scheduler has its requests answered. Only the watcher of `{host}` may write there, and "
        "the scheduler takes no answer from elsewhere.",
        messages=(ApproveReply.__name__,),
    ),
    "ResponseTopic": Channel(
        topic=None,
        title="Wherever a request says",
        description="The response topic of the request. A watcher answers on topics of this contract only if they are "
        "for replies.",
        messages=(ApproveReply.__name__,),
    ),
    "Blocks": Channel(
        topic="block",
        title="Blocks",
        description="Somebody's request that approvals for a host wait: until it is cleared, until `until`, or, "
        "without one, until the event is over.",
        messages=(Block.__name__, CLEARED),
        retained=True,
        operations=(
            _send(
                Role.WATCHER,
                f"Make approvals wait until its responders are done, under the name `{RESPONDERS_BLOCK}` alone.",
            ),
            _hear(Role.WATCHER, _OWN),
            _send(Role.PROGRAM, "Make approvals wait, under a name of your own; clear it when you are done."),
            _hear(Role.PROGRAM, "See who makes approvals wait, and hear that the event is over."),
            _hear(Role.SCHEDULER, "Know what has to wait."),
            _send(Role.SCHEDULER, "Clear a block without an end of its own: its event is over.", messages=(CLEARED,)),
        ),
    ),
    "ReplicaStatus": Channel(
        topic="scheduler_status",
        title="Schedulers",
        description=f"Whether a replica of the scheduler lives; again every {HEARTBEAT_SECONDS:g} s.",
        messages=(ReplicaStatus.__name__,),
        retained=True,
        operations=(
            _send(Role.SCHEDULER, "Say that this replica lives.", will=True),
            _hear(Role.SCHEDULER, _OWN),
            _hear(Role.PROGRAM, "See which replicas live."),
        ),
    ),
    "Executions": Channel(
        topic="execution",
        title="Executions",
        description="News of a job's occurrences: CloudEvents (structured mode). They are not the record: when the bus "
        "lags, some are dropped, and of many a second those that nobody reads are not sent. The record is the history.",
        messages=tuple(message_name("Execution", kind) for kind in ExecutionKind),
        operations=(
            _send(Role.SCHEDULER, "Tell what becomes of an occurrence."),
            _hear(Role.PROGRAM, "Hear what becomes of jobs."),
        ),
    ),
}

PARAMETERS = {
    "host": "The VM's name in lower case, percent-encoded outside `a-z 0-9 . _ -`; payloads have the true name.",
    "transition": "What happened to the event; the last part of the CloudEvent's type.",
    "eventId": "The event's id, in upper case.",
    "name": f"The block's own name, one topic level; `{RESPONDERS_BLOCK}` is that of the host's watcher.",
    "replica": "The replica's name, spelled like a host's.",
    "asker": "Who asked, one life of one replica.",
    "collection": "The job collection's name.",
    "job": "The job's name.",
}

INFO = f"""What Leeward's services tell each other over MQTT 5, for every program: topics, payloads, who may say what.
[The topics](topics.md) tell the same in prose.

Three roles take part, and each operation is tagged with its own: the services `vmwatch` and `scheduler`, and any
`program` beside them. To write a program, take the operations tagged `program`; the others are between the services.

- **State** is retained and level-triggered: the retained messages alone rebuild everything, in any order, duplicated.
  Whoever owns a topic publishes it again on each connection, so a broker that forgot everything is told it again.
- **News** are CloudEvents 1.0 in structured mode and not retained.
- Payloads are JSON in UTF-8, at most {PAYLOAD_LIMIT // 1024} KB, QoS 1. Ignore fields and types that you do not know:
  the contract grows. Leeward itself refuses messages that are not valid, counts them, and goes on.
- All topics begin with `leeward/v1`, unless LEEWARD_TOPIC_PREFIX says otherwise. With LEEWARD_HOME_ASSISTANT_PREFIX a
  watcher also keeps `homeassistant/device/{{host}}/leeward/config`, in
  [Home Assistant's form](howto/home-assistant.md).

Schemas and topics come from the code, examples from a real run (`make docs`, `make examples`)."""
