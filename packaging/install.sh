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
share=${XDG_DATA_HOME:-$HOME/.local/share}
share=${share%/}/$name
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
  file=$name-$version-$system-$machine.tar.gz
  [ -n "$from" ] || from=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
  old=
  if [ -L "$link" ] && [ -x "$link" ]; then
    case $(readlink "$link") in "$share"/*) old=$("$link" --version) ;; esac
  fi
  if [ -z "$old" ] && { [ -e "$link" ] || [ -L "$link" ]; }; then
    fail "$link is there and not of this script; remove it first"
  fi
  say "This will:"
  say "  - get $file from $from, and check its SHA-256"
  if [ -n "$old" ]; then
    say "  - upgrade $old in $share to $version; a running service is started anew, and misses nothing"
  else
    say "  - unpack it into $share/$version"
    say "  - link $link to the program in it"
  fi
  confirm "Go on?"

  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  fetch SHA256SUMS "$scratch/SHA256SUMS"
  fetch "$file" "$scratch/$file"
  wanted=$(sed -n "s/^\([0-9a-f]\{64\}\)  $file\$/\1/p" "$scratch/SHA256SUMS")
  [ -n "$wanted" ] || fail "SHA256SUMS does not tell the sum of $file; nothing was changed"
  [ "$(sum_of "$scratch/$file")" = "$wanted" ] || fail "$file is not what SHA256SUMS says; nothing was changed"
  say "$file: its SHA-256 is $wanted, as it should be."

  if [ -n "$old" ]; then
    "$link" upgrade "$scratch/$file"
    return
  fi
  mkdir -p "$share" "${link%/*}"
  # In the same folder, so that the last step is a rename: there is never half a program.
  partial=$(mktemp -d "$share/.partial-$$-XXXXXX")
  trap 'rm -rf "$scratch" "$partial"' EXIT
  tar -xzf "$scratch/$file" -C "$partial" --strip-components 1
  chmod 755 "$partial"
  [ "$("$partial/$name" --version)" = "$version" ] || fail "the program does not run here; nothing was changed"
  rm -rf "${share:?}/$version"
  mv "$partial" "$share/$version"
  ln -s "$share/$version/$name" "$link"
  say "$link is claw-socket $version."
  case :$PATH: in *":${link%/*}:"*) ;; *) say "It is not on your PATH yet: export PATH=\"${link%/*}:\$PATH\"" ;; esac
  say "To have it at every login, with the hooks in Claude Code's settings: claw-socket install"
}

# The program that can undo what it did: what the link leads to, or another version where that is gone.
find_program() {
  for program in "$link" "$share"/*/$name; do
    ! [ -x "$program" ] || ! "$program" --version >/dev/null 2>&1 || return 0
  done
  program=
}

uninstall() {
  if [ -e "$link" ] || [ -L "$link" ]; then
    case $(readlink "$link") in "$share"/*) ;; *) fail "$link is not of this script; nothing was changed" ;; esac
  fi
  find_program
  data=${CLAW_SOCKET_DIR:-$HOME/.claw-socket}
  if [ -z "$program" ] && [ -e "$data" ]; then
    fail "no program in $share runs, and without one the service, the hooks and $data can't be removed; nothing was changed; install it anew first, with $link out of the way"
  fi
  say "This will remove the service, the hooks, ~/.claw-socket with all that was recorded, $share and $link."
  confirm "Go on?"
  if [ -n "$program" ]; then
    "$program" uninstall --purge || fail "it could not uninstall itself; nothing else was removed"
  fi
  rm -f "$link"
  rm -rf "$share"
  say "claw-socket is gone."
}

action=install yes=no
while [ $# -gt 0 ]; do
  case $1 in
    --from) [ $# -gt 1 ] || fail "--from what?"; from=${2%/}; shift ;;
    --uninstall) action=uninstall ;;
    --yes) yes=yes ;;
    --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown: $1" ;;
  esac
  shift
done
[ "$(id -u)" != 0 ] || [ "$yes" = yes ] || fail "it is for a user, not for root, who has no Claude Code to watch; --yes says that you mean it"
$action
