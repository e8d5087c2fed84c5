#!/bin/sh
# All sessions of Claude Code in the menu bar, for xbar (https://xbarapp.com): put this file into its plugin folder.
# xbar runs a plugin anew at the interval in its name, here 10 s; SwiftBar needs claude.sh instead, which is live.
#
# <xbar.title>Claude Code</xbar.title>
# <xbar.desc>Which session needs you, and what the others do</xbar.desc>
# <xbar.dependencies>claw-socket</xbar.dependencies>

PATH="$HOME/.local/bin:/opt/homebrew/bin:/usr/local/bin:$PATH"
exec claw-socket xbar --once
