"""The man page, from the same tables as ``--help``."""

from __future__ import annotations

import re

from clawsocket.cli import COMMANDS
from clawsocket.cli.arguments import HELP
from scripts.dist.place import NAME, PACKAGING, VERSION, when


def manual() -> str:
    """Return it, in roff."""
    text = (PACKAGING / f"{NAME}.1").read_text("utf-8")
    commands = "".join(f".TP\n.B {_roff(name)}\n{_roff(help)}.\n" for name, (_, help) in COMMANDS.items())
    options = "".join(f".TP\n.B {_roff(flag)}\n{_roff(help)}.\n" for flag, help in _options())
    values = {"COMMANDS": commands, "OPTIONS": options, "VERSION": VERSION, "DATE": when().date().isoformat()}
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _options() -> list[tuple[str, str]]:
    block = HELP.partition("Options:\n")[2].partition("\n\n")[0]
    joined = re.sub(r"\n {20,}", "  ", block)
    return [(flag, help) for flag, help in re.findall(r"^  (--\S+(?: <\S+>)?)\s+(.+)$", joined, re.MULTILINE)]


def _roff(text: str) -> str:
    return text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
