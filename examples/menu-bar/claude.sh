#!/bin/sh
# All sessions of Claude Code in the menu bar, for SwiftBar (https://swiftbar.app): put this file into its plugin folder.
# It is told of every change; nothing is asked for over and over.
#
# <swiftbar.type>streamable</swiftbar.type>
# <swiftbar.hideRunInTerminal>true</swiftbar.hideRunInTerminal>
# <xbar.title>Claude Code</xbar.title>
# <xbar.desc>Which session needs you, and what the others do</xbar.desc>
# <xbar.dependencies>claw-socket</xbar.dependencies>

PATH="$HOME/.local/bin:/opt/homebrew/bin:/usr/local/bin:$PATH"
exec claw-socket xbar
