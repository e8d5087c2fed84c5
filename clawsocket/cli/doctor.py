"""``claw-socket doctor``: what is wrong, and how to mend it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from clawsocket.cli.look import Look
from clawsocket.cli.parsing import Parser, RawHelp
from clawsocket.doctor.examine import examine
from clawsocket.doctor.finding import Finding
from clawsocket.errors import ClawSocketError
from clawsocket.paths import Home

EPILOG = """\
It sends a hook of its own through the running service, which clients see as system.check, and changes nothing else
unless told to. --fix does what nobody can lose anything by: modes of files, missing folders, hooks that are missing or
not as they should be, a token that the service has not taken, an old copy in the keyring.

exit codes: 0 fine, or warnings only; 1 there are errors
"""

_SIGNS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket doctor``; return the exit code."""
    parser = Parser(
        prog="claw-socket doctor", description="Looks for what is wrong.", epilog=EPILOG, formatter_class=RawHelp
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--fix", action="store_true", help="mend what can be mended safely, then look again")
    options = parser.parse_args(argv)
    home = Home.default()
    fixed = _fix(home) if options.fix else []
    findings, look = [], Look.of(sys.stdout)
    for finding in examine(home):
        findings.append(finding)
        if not options.json:
            print(_line(finding, look), flush=True)
    failed = any(finding.level == "error" for finding in findings)
    if options.json:
        shown = [
            {"check": one.check, "level": one.level, "what": one.what, "mend": one.mend, "fixable": one.fix is not None}
            for one in findings
        ]
        print(json.dumps({"ok": not failed, "findings": shown, "fixed": fixed}, indent=2))
    elif not options.fix and any(finding.fix for finding in findings):
        print("\nclaw-socket doctor --fix mends what is marked with *.")
    return 1 if failed else 0


def _fix(home: Home) -> list[str]:
    """Mend what can be mended, and return what that was."""
    done = []
    for finding in examine(home):
        if finding.fix is None:
            continue
        try:
            finding.fix()
        except (ClawSocketError, OSError) as error:
            print(f"claw-socket: {finding.what}: could not be mended: {error}", file=sys.stderr)
            continue
        print(f"mended: {finding.what}", file=sys.stderr)
        done.append(finding.what)
    return done


def _line(finding: Finding, look: Look) -> str:
    text = f"{_SIGNS[finding.level]} {finding.check:<9} {finding.what}"
    if finding.mend:
        text += f"\n{'':<18}{'*' if finding.fix else ' '}{look.arrow} {finding.mend}"
    return text
