"""``claw-socket token``: the token that clients need, and its copy in the system's keyring."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from clawsocket import token
from clawsocket.cli.parsing import Parser, RawHelp
from clawsocket.errors import FolderError, KeyringError, UsageError
from clawsocket.paths import Home

EPILOG = """\
The file is what counts: the service and its clients read it, and a new token in it is valid at once. The keyring
(Secret Service, KWallet or macOS Keychain) holds a copy for the day on which the file is lost.

exit codes: 0 done, 1 a wrong argument, 5 the file can't be used, 12 the keyring can't

examples:
  curl -H "Authorization: Bearer $(claw-socket token show)" ...
  claw-socket token rotate        a new token; connected clients are closed with 4409
"""

ACTIONS = {
    "show": "print the token",
    "path": "print where its file is",
    "rotate": "make a new one; the running service takes it at once",
    "store": "put a copy into the keyring",
    "restore": "bring a lost file back from the keyring",
}


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket token``; return the exit code.

    Raises:
        UsageError: a wrong argument, or nothing is lost that could be restored.
        FolderError: the file, or the token in it, is not there.
        KeyringError: the keyring did not do it.
    """
    parser = Parser(
        prog="claw-socket token",
        description="Shows, replaces and keeps the token.",
        epilog=EPILOG,
        formatter_class=RawHelp,
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    for name, help in ACTIONS.items():
        actions.add_parser(name, help=help, description=f"{help[:1].upper()}{help[1:]}.")
    options: argparse.Namespace = parser.parse_args(argv)
    home = Home.default()
    if options.action == "rotate":
        return rotate(home)
    if options.action == "store":
        _store(home)
    elif options.action == "restore":
        _restore(home)
    else:
        print(_present(home) if options.action == "show" else home.token)
    return 0


def rotate(home: Home) -> int:
    """Put a new token in its file, and in the keyring if that has a copy.

    A running service notices, and closes the connections made with the old one.
    """
    from clawsocket.setup import keyring

    home.create()
    new = token.new_token()
    token.save(home.token, new)
    print(f"new token in {home.token}; clients that are connected have to connect again", flush=True)
    copy = keyring.update(new)
    if copy.state == "done":
        print(copy.words)
    elif copy.state not in ("absent", "missing"):
        print(f"claw-socket: {copy.words}; a copy in it is now old: claw-socket token store", file=sys.stderr)
    return 0


def _present(home: Home) -> str:
    found = token.load(home.token)
    if found is None:
        raise FolderError(
            home.token, "holds no token; claw-socket token restore brings it from the keyring, rotate makes a new one"
        )
    return found


def _store(home: Home) -> None:
    from clawsocket.setup import keyring

    done = keyring.store(_present(home))
    if done.state != "done":
        raise KeyringError(done.words)
    print(done.words)


def _restore(home: Home) -> None:
    from clawsocket.setup import keyring

    copy = keyring.load()
    if copy.token is None:
        raise KeyringError(copy.words)
    if not token.is_token(copy.token):
        raise KeyringError("what the keyring has is no token; claw-socket token store replaces it")
    present = token.load(home.token)
    if present == copy.token:
        print(f"nothing is lost: {home.token} holds what the keyring has")
        return
    if present is not None:
        raise UsageError(f"{home.token} holds another token, and that is valid; delete it first if it should not be")
    home.create()
    token.save(home.token, copy.token)
    print(f"the token is in {home.token} again")
