#!/bin/sh
# Waits until no event threatens a host, then ends with 0: wait_until_calm.sh db-0 && apply-updates
# After SECONDS (3600) it gives up and ends with 1. It believes the host's own watcher, while that is online and is answered.
set -eu
host=${1:?usage: wait_until_calm.sh HOST [SECONDS]}
seconds=${2:-3600}
topics=${LEEWARD_TOPIC_PREFIX:-leeward/v1}/hosts/$host

# Both messages are retained, and may come in any order. An error or a watcher that is away never means "no events".
calm='
    def threatens: (.status == "Scheduled" or .status == "Started") and any(.resources[]; ascii_downcase == $host);
    foreach inputs as {$topic, $payload} ({};
        if $payload == null then .
        elif $topic | endswith("/status") then .heard = ($payload.state == "online" and $payload.pollOk)
        else .calm = (any($payload.events[]; threatens) | not) end;
        select(.heard and .calm) | "calm")'

folder=$(mktemp -d)
mkfifo "$folder/messages"
mosquitto_sub -V 5 -q 1 -W "$seconds" -F %J -t "$topics/status" -t "$topics/events" >"$folder/messages" &
listener=$!
trap 'kill "$listener" 2>/dev/null || true; rm -rf "$folder"' EXIT
[ "$(jq -n -r --arg host "$host" "first($calm)" <"$folder/messages")" = calm ]
