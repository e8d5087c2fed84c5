"""The recorder in front of a status line: POSIX shell that leaves in the spool what Claude Code says of its session.

It becomes the ``command`` of ``statusLine`` in the settings, with the user's own command after it, as it was written::

    : claw-socket status line; <the recorder>
    <the lines that give back what was read>
    <the user's own command>

So the user's command runs in the very shell that Claude Code started, with the same arguments, environment, streams
and process group, and what it prints and how it ends is what Claude Code sees. Its standard input is a pipe with what
Claude Code wrote. Whatever happens to the recorder, the user's command runs. Where there is none, nothing is printed.

In the spool (see :mod:`clawsocket.claude.hook_command`, whose marks it heeds):

``status-<session>.json``
    The newest that is known of a session, whole, 0600, renamed into place: there is one file for a session, however
    often Claude Code asks for its line. A reader takes it by renaming it, so that no newer one is lost.
``.status-<session>.<pid>``
    One that is being written. A recorder that is ended takes its own along, one that was killed leaves it to the
    reader.
"""

from __future__ import annotations

import shlex

from clawsocket.claude.hook_command import MOST, marking_full

MARKER = ": claw-socket status line;"
"""How every such command begins (a command that does nothing), and by what it is recognised."""

NAME = "status-"
"""How the names of its files begin; a hook's are digits."""

LIMIT = 65_536
"""Bytes of the largest input that is kept. It is about 1,500."""

_HELD = "_claw_socket_input"
_PATH = "PATH=/bin:/usr/bin:$PATH LC_ALL=C; export LC_ALL"
_GIVE_BACK = f"command exec <<_claw_socket\n${_HELD}\n_claw_socket\nunset {_HELD}\n"
"""Makes what was read the standard input again. What Claude Code writes ends with a newline, as this does."""


def recorder_command(spool: str, users: str | None, most: int = MOST) -> str:
    """Return the command for a spool folder and the user's own command.

    Args:
        spool: the absolute path of the folder.
        users: the command that makes the user's line; None: there is none.
        most: payloads that may wait before nothing is written any more.
    """
    # Only what cannot mean anything in a file's name may be in a session's.
    finding_the_session = (
        f's=${{{_HELD}#*\\"session_id\\"*\\"}}; s=${{s%%\\"*}}; '
        f'case $s in ""|*[!0-9A-Za-z_-]*) exit;; esac; [ ${{#s}} -le 100 ] && [ ${{#{_HELD}}} -le {LIMIT} ] || exit'
    )
    writing = (
        f"f={NAME}$s.json p=.{NAME}$s.$$; trap 'rm -f $p; exit' HUP INT TERM; "
        f"printf '%s\\n' \"${_HELD}\" >$p && mv -f $p $f || rm -f $p"
    )
    # In a shell of its own, which leaves the user's command nothing of all this.
    keeping = (
        f"({_PATH}; umask 077; cd {shlex.quote(spool)} && [ ! -e .full ] || exit; "
        f"{marking_full(most)}; {finding_the_session}; {writing}) >/dev/null 2>&1"
    )
    reading = f"{_HELD}=$({_PATH}; exec cat)"
    if users is None:
        return f"{MARKER} {reading}; {keeping}; exit 0"
    return f"{MARKER} {reading}; {keeping}\n{_GIVE_BACK}{users}"


def is_recorder(command: str) -> bool:
    """Tell whether a command is a recorder's."""
    return command.startswith(MARKER)


def users_command(command: str) -> str | None:
    """Return what the user's own command is in a recorder's, None for none."""
    _, found, users = command.partition(_GIVE_BACK)
    return users if found else None
