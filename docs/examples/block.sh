#!/bin/sh
# Has approvals for a host wait, or no longer: block.sh set db-0 nightly-copy "the nightly copy runs" 90
# and block.sh clear db-0 nightly-copy. The block ends by itself after MINUTES (240).
set -eu
usage='usage: block.sh set HOST NAME REASON [MINUTES] | block.sh clear HOST NAME'
verb=${1:?$usage}
topic=${LEEWARD_TOPIC_PREFIX:-leeward/v1}/hosts/${2:?$usage}/blocks/${3:?$usage}

case $verb in
set)
    reason=${4:?$usage}
    minutes=${5:-240}
    jq -n -c --arg reason "$reason" --argjson minutes "$minutes" \
        '{$reason, until: (now + 60 * $minutes | todate)}' |
        mosquitto_pub -V 5 -q 1 -r -t "$topic" -s
    ;;
clear) mosquitto_pub -V 5 -q 1 -r -t "$topic" -n ;;
*)
    echo "$usage" >&2
    exit 2
    ;;
esac
