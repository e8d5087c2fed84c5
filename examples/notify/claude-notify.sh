#!/bin/sh
# Shows a desktop notification whenever a session of Claude Code needs you, and why. Needs notify-send and jq.
#
# claw-socket tail waits for a service that is stopped, and misses nothing. Begin it with your desktop, for example in
# ~/.config/autostart/claude-notify.desktop:
#
#   [Desktop Entry]
#   Type=Application
#   Name=Claude Code notifications
#   Exec=/home/you/claude-notify.sh
set -eu

claw-socket tail session.state_changed --json |
  jq --unbuffered -r 'select(.data.state == "requires_action")
    | [.sessionId, ([.data.waitingFor, .data.tool.name, .data.tool.inputSummary] | map(values) | join(" ") | .[:300] | @html)]
    | @tsv' |
  while IFS="$(printf '\t')" read -r session why; do
    name=$(claw-socket ps --json | jq -r --arg id "$session" '.sessions[] | select(.sessionId == $id) | .name // .cwd')
    for _ in 1 2 3; do
      notify-send --app-name="Claude Code" --urgency=critical -- "${name:-Claude Code} needs you" "$why" && break
      sleep 1 # what shows notifications may not be there yet
    done
  done
