#!/bin/sh
# Installs claw-socket for the user who runs it: downloads it, checks its SHA-256, and unpacks it below
# ~/.local/share/claw-socket, with a link in ~/.local/bin. No root, no Python; nothing else is changed, and `claw-socket
# install`, which makes it a service and adds the hooks to Claude Code, is left to you.
#
# usage: sh install.sh [--from FOLDER-OR-URL] [--uninstall] [--yes] [--help]
#   --from       where the files of the release are; by default where this script comes from
#   --uninstall  remove it all again: service, hooks, data, program
#   --yes        do not ask
set -eu
umask 022

version='@VERSION@'
from='@URL@'
name=claw-socket
share=${XDG_DATA_HOME:-$HOME/.local/share}/$name
link=$HOME/.local/bin/$name

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
usage() { sed -n '2,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//;p;}' "$0"; }

confirm() { # question
  [ "$yes" = no ] || return 0
  # Piped into sh, the script itself is the standard input; the terminal is still there.
  { printf '%s [y/N] ' "$1" && read -r answer; } 2>/dev/null </dev/tty >/dev/tty || fail "nobody can be asked here: give --yes"
  case $answer in [yY]*) ;; *) say "Nothing was changed."; exit 1 ;; esac
}

platform() {
  case $(uname -s) in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    *) fail "there is no binary for $(uname -s); with Python 3.11: uv tool install claw-socket" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) fail "there is no binary for $(uname -m); with Python 3.11: uv tool install claw-socket" ;;
  esac
  if [ $system = linux ] && ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
    fail "the binary needs glibc, which this system (musl?) does not have; with Python 3.11: uv tool install claw-socket"
  fi
}

fetch() { # file, to
  case $from in
    http://* | https://*)
      if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --proto '=https,http' --output "$2" "$from/$1"
      elif command -v wget >/dev/null; then
        wget --quiet --output-document="$2" "$from/$1"
      else
        fail "neither curl nor wget is here"
      fi || fail "$from/$1 can't be downloaded"
      ;;
    *) cp "$from/$1" "$2" || fail "$from/$1 can't be read" ;;
  esac
}

sum_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

install() {
  platform
  file=$name-$version-$system-$machine
  [ -n "$from" ] || from=$(cd "$(dirname "$0")" && pwd)
  say "This will:"
  say "  get $file from $from, and check its SHA-256"
  say "  let it put itself into $share/$version"
  say "  link $link to it"
  confirm "Go on?"
  fetch SHA256SUMS "$scratch/SHA256SUMS"
  fetch "$file" "$scratch/$file"
  wanted=$(sed -n "s/^\([0-9a-f]\{64\}\)  $file\$/\1/p" "$scratch/SHA256SUMS")
  [ -n "$wanted" ] || fail "SHA256SUMS does not tell the sum of $file"
  [ "$(sum_of "$scratch/$file")" = "$wanted" ] || fail "$file is not what SHA256SUMS says; nothing was changed"
  say "$file: its SHA-256 is $wanted"
}

uninstall() {
  say "This will remove $link, $share, and what claw-socket itself added: its service, its hooks, ~/.claw-socket."
  confirm "Go on?"
}
