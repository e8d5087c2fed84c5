"""The hook that Claude Code runs: a script in POSIX shell that puts its standard input into the spool folder.

It has no output, always exits 0 and reads all of its input, so that nobody notices it, whatever the state of the disk.
It starts two programs, ``cat`` and ``mv``; the rest is done by the shell itself. The command in the settings only reads
it from its file, which takes 0.02 ms: after a compaction Claude Code shows its user the commands of the hooks, whole.

The spool folder (0700, on a local disk) is the protocol between the hooks and the reader:

``<name>.json``
    A payload, whole, 0600. Payloads are read in the order of (``st_mtime_ns``, name). The time is that of the last
    write; the rename keeps it. The name is 10,000,000 + the pid of the hook, of one length, so that hooks within one
    tick of the clock keep the order in which they were started; one that is taken gets a suffix: ``10004711_1.json``.
    **A name is unique among the files that wait, not for ever** (pids wrap, containers share them): what tells two
    payloads apart is the name together with ``st_mtime_ns``.
``.<name>``
    A payload that is being written. It is created exclusively and so reserves ``<name>.json``: only its owner can make
    that, and does so only where there is none. The reader ignores it, and may delete one that is older than the
    time-out of a hook: that hook was killed.
``.full``
    Made by a hook that saw too many payloads waiting; about one in a hundred counts them. While the mark is there hooks
    write nothing. The reader deletes it when it has taken in what waits, and tells that payloads may be missing.
``status-<session>.json``
    What Claude Code gave the status line of a session (:mod:`clawsocket.claude.recorder_command`).
``.lost``
    Made by a hook that could not write its payload: no space, or the payload is over the limit. The reader tells, and
    deletes it.
"""

from __future__ import annotations

import shlex

MARKER = ": claw-socket spool hook;"
"""How every command begins (itself one that does nothing), and by what it is recognised."""

TIMEOUT = 10
"""Seconds that Claude Code gives the hook. It takes milliseconds."""

MOST = 20_000
"""Payloads that may wait in the spool."""


def marking_full(most: int) -> str:
    """Return the shell that, about once in a hundred times, counts what waits in the folder it is in, and marks it."""
    return f"case $$ in *00) set -- *; [ $# -le {most} ] || true >.full;; esac"


def hook_command(script: str) -> str:
    """Return the command to register, which is as silent where the script is missing, or is no shell.

    Args:
        script: the absolute path of its file.
    """
    # A shell ends at a script that it does not understand, dash with 2: Claude Code would block the tool call, or the
    # prompt. One that is missing is asked for, as zsh ends there without the trap.
    asked = f'h={shlex.quote(script)}; [ -r "$h" ]'
    return f"{MARKER} trap 'cat >/dev/null; exit 0' 0; {asked} && . \"$h\" 2>/dev/null"


def spool_script(spool: str, limit: int, most: int = MOST) -> str:
    """Return the script for a spool folder.

    Args:
        spool: the absolute path of the folder.
        limit: bytes of the largest payload to keep. Most shells count them in blocks of 512, some in blocks of 1024,
            which let twice as much through.
        most: payloads that may wait before hooks stop writing.
    """
    setting_up = (
        # A locale costs each program some 0.2 ms; a user's own `cat` is not what is wanted here.
        # (Not `export PATH=...$PATH`: some shells split that at spaces.)
        "PATH=/bin:/usr/bin:$PATH LC_ALL=C; export LC_ALL; umask 077; set -C; "
        # Ignored, the signal becomes an error of cat's: no message, no core file.
        f"trap '' XFSZ; ulimit -f {-(-limit // 512)}"
    )
    # Whoever has made .$n owns the name. The second look is for an owner who finished between the first and the making.
    taking_a_name = (
        "p=$((10000000+$$)) n=$p i=0; "
        "until [ ! -e $n.json ] && true >.$n && { [ ! -e $n.json ] || { rm .$n; false; }; }; do "
        "[ -e .$n ] || [ -e $n.json ] || { n=; break; }; "
        "i=$((i+1)); n=${p}_$i; done"
    )
    writing = '[ "$n" ] && cat >>.$n && mv .$n $n.json && n= || { rm -f ${n:+.$n}; true >.lost; n=; false; }'
    # Where no process can be started (a limit of the user or the container), a shell ends there and then, dash with 2:
    # Claude Code would block the tool call, or the prompt.
    ending = """n=; trap '[ "$n" ] && true 2>/dev/null >.lost; exit 0' EXIT"""
    # Claude Code shows an error when a hook ends without having read everything: the last cat reads what is left.
    return (
        "# Claude Code's hooks run this (claw-socket). It is written anew when the service starts.\n"
        f"{ending}; {{ {setting_up}; cd {shlex.quote(spool)} && [ ! -e .full ] && "
        f"{{ {marking_full(most)}; {taking_a_name}; {writing}; }} || cat; }} >/dev/null 2>&1; exit 0\n"
    )
