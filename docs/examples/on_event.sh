#!/bin/sh
# Runs a program for each piece of news of a host: on_event.sh db-0 ./tell-the-users
# The program is told: scheduled, rescheduled, started, completed or cancelled; the type; the event's id; NotBefore or "-".
# The session has a name, so that the broker keeps the news for an hour while this is away. The same news may come twice.
set -eu
host=${1:?usage: on_event.sh HOST PROGRAM}
program=${2:?usage: on_event.sh HOST PROGRAM}
topic=${LEEWARD_TOPIC_PREFIX:-leeward/v1}/notices/$host/+
words='[.type, .data.event.type, .data.event.eventId, .data.event.notBefore // "-"] | map(gsub("\\s"; "")) | join(" ")'

mosquitto_sub -V 5 -q 1 -i "on-event-$host" -c -x 3600 -t "$topic" |
    jq --unbuffered -r "$words" |
    while read -r transition type event_id not_before; do
        "$program" "${transition##*.}" "$type" "$event_id" "$not_before" </dev/null ||
            echo "$program failed for $event_id" >&2
    done
