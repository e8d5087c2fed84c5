"""Completion for zsh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scripts.completions.commands import Command, Flag, Value, walk

_HEAD = """\
#compdef claw-socket
# zsh completion for claw-socket. Made by `make completions`.

_claw_socket_sessions() {
  local -a lines sessions
  local line
  lines=(${(f)"$(claw-socket completion sessions 2>/dev/null)"})
  for line in $lines; do
    sessions+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
  done
  _describe -t sessions session sessions
}

_claw_socket_settings() {
  local -a settings=(
@SETTINGS@
  )
  _describe -t settings setting settings -S =
}
"""

_TAIL = """
if [[ $funcstack[1] == _claw-socket ]]; then
  _claw-socket "$@"
else
  compdef _claw-socket claw-socket
fi
"""


def script(main: Command, settings: Mapping[str, str]) -> str:
    """Return the script."""
    told = "\n".join(f"    {_quoted(f'{name}:{help}')}" for name, help in settings.items())
    functions = "".join(_function(command) for command in walk(main))
    return _HEAD.replace("@SETTINGS@", told) + functions + _TAIL


def _function(command: Command) -> str:
    lines = [f"\n{_name(command)}() {{"]
    if command.actions:
        lines += ["  local context state state_descr line", "  typeset -A opt_args"]
        lines += ["  local -a actions=("]
        lines += [f"    {_quoted(f'{one.words[-1]}:{one.help}')}" for one in command.actions]
        lines += ["  )"]
    lines.append("  _arguments -S" + (" -C" if command.actions else "") + " \\")
    lines += [f"    {spec} \\" for flag in command.flags for spec in _flag(flag)]
    if command.actions:
        lines += ["    '1: :->action' '*:: :->rest' && return", "  case $state in"]
        lines += ["    action) _describe -t commands command actions ;;", "    rest)", "      case $words[1] in"]
        lines += [f"        {one.words[-1]}) {_name(one)} ;;" for one in command.actions]
        lines += ["      esac", "      ;;", "  esac"]
    elif command.argument is not None:
        lines.append(f"    {_quoted(f'*{_action(command.argument)}')}")
    else:
        lines[-1] = lines[-1].removesuffix(" \\")
    return "\n".join([*lines, "}", ""])


def _name(command: Command) -> str:
    return "_".join(["_claw-socket", *command.words])


def _flag(flag: Flag) -> Iterator[str]:
    help = flag.help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("%%", "%")
    for name in flag.names:
        takes = name if flag.value is None else f"{name}="
        others = f"({' '.join(flag.names)})" if len(flag.names) > 1 else ""
        yield _quoted(f"{others}{takes}[{help}]" + ("" if flag.value is None else _action(flag.value)))


def _action(value: Value) -> str:
    actions = {
        "session": "_claw_socket_sessions",
        "setting": "_claw_socket_settings",
        "file": "_files",
        "folder": "_files -/",
        "words": f"({' '.join(value.words)})".replace("*", "\\*"),
        "text": " ",
    }
    return f":{value.name.replace(':', ' ')}:{actions[value.kind]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
