"""Completion for fish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scripts.completions.commands import Command, Value, walk

_HEAD = """\
# fish completion for claw-socket. Made by `make completions`.

function __claw_socket_at
    set -l at ''
    for word in (commandline -opc)[2..]
        contains -- $at/$word @PLACES@; and set at $at/$word
    end
    test "$at" = "$argv[1]"
end

complete -c claw-socket -f
"""


def script(main: Command, settings: Mapping[str, str]) -> str:
    """Return the script."""
    all = list(walk(main))
    places = " ".join(command.place for command in all if command.words)
    lines = [line for command in all for line in _command(command, settings)]
    return _HEAD.replace("@PLACES@", places) + "".join(f"complete -c claw-socket {line}\n" for line in lines)


def _command(command: Command, settings: Mapping[str, str]) -> Iterator[str]:
    here = f"-n '__claw_socket_at \"{command.place}\"'"
    for one in command.actions:
        yield f"{here} -a {one.words[-1]} -d {_quoted(one.help)}"
    for flag in command.flags:
        names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names)
        takes = "" if flag.value is None else f" {_takes(flag.value, settings, flag=True)}"
        yield f"{here} {names}{takes} -d {_quoted(flag.help.replace('%%', '%'))}"
    if command.argument is not None and (takes := _takes(command.argument, settings, flag=False)):
        yield f"{here} {takes}"


def _takes(value: Value, settings: Mapping[str, str], *, flag: bool) -> str:
    if value.kind in ("file", "folder"):
        return ("-r " if flag else "") + "-F"
    words = {
        "session": "(claw-socket completion sessions 2>/dev/null)",
        "setting": " ".join(f"{name}=" for name in settings),
        "words": " ".join(value.words),
        "text": "",
    }[value.kind]
    if not words:
        return "-x" if flag else ""
    return ("-x " if flag else "") + f"-a {_quoted(words)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
