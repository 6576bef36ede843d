"""Words for fields and messages of the bus that do not speak for themselves; for docs/asyncapi.yaml."""

from collections.abc import Mapping

from shared.messages import ExecutionKind, NoticeKind

FIELDS: Mapping[str, str] = {
    "HostStatus.host": "The VM's resource name, as Azure spells it.",
    "HostStatus.session": "One life of the watcher. A will carries the session that it ends: a late one says nothing.",
    "HostStatus.pollOk": "Whether the metadata service answered when asked last. False never means *no events*.",
    "HostStatus.lastPollAt": "The last good answer of the metadata service.",
    "HostStatus.startedAt": "When this life of the watcher began.",
    "HostStatus.metadata": (
        "How the metadata service stands: `waiting` for its first answer (up to two minutes), `activating` (it may just"
        " have been switched on; events may take five minutes), `active`, `failing`; `none` of a watcher outside of the"
        " VMs, which has none; or what is said of it since."
    ),
    "HostStatus.metadataSince": "Since when it stands so.",
    "Inventory.host": "The VM's resource name: the only one by which events name it, in any case.",
    "Inventory.resource": "The VM's resource id.",
    "Inventory.computerName": "What the machine calls itself; no event names it so.",
    "Inventory.instance": "The number of a uniform scale set's member; empty for any other VM.",
    "Inventory.priority": "`Regular`, `Spot` or `Low`; empty when unknown.",
    "Inventory.addresses": "Its private addresses; the first one stands for `{host}` in a job's URI.",
    "Inventory.pools": "Hosts that can stand in for each other.",
    "Inventory.group": "Who sees the same events. A host is believed about the hosts of its own group only.",
    "Event.type": "`Freeze`, `Reboot`, `Redeploy`, `Preempt`, `Terminate`, or what Azure has come to say since.",
    "Event.status": "`Scheduled` or `Started`, or what Azure has come to say since.",
    "Event.resources": "The VMs that it hits, as Azure spells them.",
    "Event.notBefore": "When it may start; null once it has, or when unknown.",
    "Event.source": "`Platform` or `User`; empty when unknown.",
    "Event.durationSeconds": "How long it is expected to last; null when unknown.",
    "Event.firstSeenAt": "When this watcher saw it first.",
    "EventSnapshot.session": "One life of the watcher; a new one starts counting anew.",
    "EventSnapshot.sequence": "Rises with each change in one session.",
    "EventSnapshot.incarnation": "Azure's own number of the document; it may fall, or stay while events change.",
    "EventSnapshot.events": "All of them; empty when calm.",
    "EventSnapshot.ended": "What is over for certain, the latest first; empty unless Azure Event Grid tells.",
    "EndedEvent.outcome": "`completed` or `cancelled`.",
    "EndedEvent.at": "When the watcher heard of it.",
    "Drain.running": "Executions that still run there.",
    "Drain.held": "Occurrences that wait for the host.",
    "Drain.rerouted": "Occurrences that were moved off it.",
    "Drain.deadline": "The event's NotBefore.",
    "ApproveCommand.decidedBy": "The replica that asks.",
    "ApproveReply.status": "The HTTP status of Azure's answer; 0 when it was not asked or not reached.",
    "ApproveReply.error": "Why not; null when Azure was told.",
    "Block.reason": "For people: what has to be waited for.",
    "Block.until": "When the block ends by itself; null: with the event.",
    "ReplicaStatus.session": "One life of the replica.",
    "ReplicaStatus.version": "The version of Leeward that it runs.",
    "CloudEvent.id": "Unique for each piece of news of a source: what comes twice has the same one.",
    "CloudEvent.source": "Who tells: `/leeward/hosts/{host}` or `/leeward/scheduler/{replica}`.",
    "CloudEvent.subject": "What it is about: a host's name, or `collection/job`.",
    "CloudEvent.time": "When it was noticed.",
    "EventNotice.previousStatus": "The event's status before; null when it was not known.",
    "EventNotice.previousNotBefore": "The event's NotBefore before; null when it was not known.",
    "ExecutionNotice.occurrenceId": "The same for every attempt: what a target sees as `webhook-id`.",
    "ExecutionNotice.scheduledTime": "When the occurrence was due.",
    "ExecutionNotice.attempt": "From 1; a repeat after a crash counts on.",
    "ExecutionNotice.host": "Where it runs, or what it waits for.",
    "ExecutionNotice.fromHost": "Off which host it was moved.",
    "ExecutionNotice.reason": "Why, in a sentence.",
    "ExecutionNotice.message": "What the target answered.",
    "ExecutionNotice.cause": "Why, in one word of a closed set: docs/rest.md, Decisions.",
    "ExecutionNotice.eventId": "The event behind it; `cordon` for an operator's cordon, null where there is none.",
}

NOTICES: Mapping[NoticeKind, str] = {
    NoticeKind.SCHEDULED: "An event is announced.",
    NoticeKind.RESCHEDULED: "The event's NotBefore has changed.",
    NoticeKind.STARTED: "The event has begun, by itself or because somebody approved it.",
    NoticeKind.COMPLETED: "The event is over.",
    NoticeKind.CANCELLED: "The event has gone before it began.",
}

EXECUTIONS: Mapping[ExecutionKind, str] = {
    ExecutionKind.STARTED: "An attempt starts.",
    ExecutionKind.SUCCEEDED: "An attempt has succeeded.",
    ExecutionKind.FAILED: "An attempt has failed.",
    ExecutionKind.HELD: "An occurrence waits, because an event or a cordon keeps it off its host.",
    ExecutionKind.RELEASED: "An occurrence that was held may run.",
    ExecutionKind.REROUTED: "An occurrence runs on another host of its pool, because of an event or a cordon.",
    ExecutionKind.MISSED: "Occurrences were not run at all; the latest of them is named.",
}
