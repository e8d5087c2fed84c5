"""Completion for bash, also for the old one of macOS (3.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from scripts.completions.commands import Command, Value, walk

_SCRIPT = """\
# bash completion for claw-socket. Made by `make completions`.

# Names of sessions are anybody's text: they are compared and quoted, never expanded.
_claw_socket_sessions() {
    local name about
    while IFS=$'\\t' read -r name about; do
        [[ $name == "$cur"* ]] && COMPREPLY+=("$(printf %q "$name")")
    done < <(claw-socket completion sessions 2>/dev/null)
}

_claw_socket_words() {
    local word
    for word; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
}

_claw_socket_files() {
    local path
    compopt -o filenames 2>/dev/null
    while IFS= read -r path; do
        COMPREPLY+=("$path")
    done < <(compgen "$1" -- "$cur")
}

_claw_socket() {
    local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD-1]} at= i
    COMPREPLY=()
    # bash takes --flag=value for three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $flag == = ]]; then
        flag=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$at/${COMP_WORDS[i]}" in
            @PLACES@) at=$at/${COMP_WORDS[i]} ;;
        esac
    done
    case "$at $flag" in
@VALUES@
    esac
    case "$at $cur" in
@FLAGS@
@ARGUMENTS@
    esac
}

complete -F _claw_socket claw-socket
"""


def script(main: Command, settings: Mapping[str, str]) -> str:
    """Return the script."""
    all = list(walk(main))
    values, flags, arguments = defaultdict(list), defaultdict(list), defaultdict(list)
    for command in all:
        flags[_words(flag.names[-1] for flag in command.flags)].append(f'"{command.place} "-*')
        for flag in command.flags:
            if flag.value is not None:
                for name in flag.names:
                    values[_reply(flag.value, settings)].append(f'"{command.place} {name}"')
        if command.actions:
            arguments[_words([one.words[-1] for one in command.actions])].append(f'"{command.place} "*')
        elif command.argument is not None:
            arguments[_reply(command.argument, settings)].append(f'"{command.place} "*')
    parts = {
        "@PLACES@": "|".join(command.place for command in all if command.words),
        "@VALUES@": "\n".join(_case("|".join(where), f"{do}; return") for do, where in values.items()),
        "@FLAGS@": "\n".join(_case("|".join(where), do) for do, where in flags.items()),
        "@ARGUMENTS@": "\n".join(_case("|".join(where), do) for do, where in arguments.items()),
    }
    text = _SCRIPT
    for place, part in parts.items():
        text = text.replace(place, part)
    return text


def _case(where: str, do: str) -> str:
    return f"        {where}) {do} ;;"


def _reply(value: Value, settings: Mapping[str, str]) -> str:
    if value.kind == "session":
        return "_claw_socket_sessions"
    if value.kind == "setting":
        return f"{_words([f'{name}=' for name in settings])}; compopt -o nospace 2>/dev/null"
    if value.kind in ("file", "folder"):
        return f"_claw_socket_files {'-f' if value.kind == 'file' else '-d'}"
    return _words(value.words) if value.words else ":"


def _words(words: Iterable[str]) -> str:
    return " ".join(["_claw_socket_words", *(f"'{word}'" if "*" in word else word for word in words)])
