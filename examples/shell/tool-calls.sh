#!/bin/sh
# Prints each tool call of all sessions as it happens, with websocat (https://github.com/vi/websocat) and jq.
#
# It talks to the Unix socket, which only you can open and which needs no token. It ends with the service: for one that
# comes back and misses nothing there is claw-socket tail.
set -eu

socket="${CLAW_SOCKET_DIR:-$HOME/.claw-socket}/socket"

# -n: go on reading when there is nothing more to say; -B: bytes of the longest message.
printf '%s\n' '{"type":"subscribe","topics":["tool.use"]}' |
  websocat --text -n -B 16000000 --ws-c-uri=ws://localhost/ - "ws-c:unix:$socket" |
  jq --unbuffered -r 'select(.type == "tool.use") | "\(.sessionId[:8]) \(.data.toolName) \(.data.inputSummary)"'
