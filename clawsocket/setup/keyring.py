"""A copy of the token in the keyring of the operating system. It survives the loss of the file, which stays the truth.

Only what really protects it counts as a keyring: the Secret Service (GNOME Keyring, KeePassXC, newer KWallet), KWallet,
the macOS Keychain. Never one that writes plain text, nor what a configuration file of the package ``keyring`` names.

Nobody waits for a keyring: what does not answer within :data:`LIMIT` is given up, and a locked one is never asked
to unlock itself, for that would open a window that nobody expects. One that does not run is not started. The service
does not come here at all.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from clawsocket.paths import Home

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

LIMIT = 2.0
"""Seconds for a call, loading the libraries included."""

SERVICE = "claw-socket"
"""The name of our entry; its account is the path of the token's file, so that each folder has its own."""

State = Literal["done", "missing", "absent", "locked", "silent", "failed"]

_WORDS: dict[State, str] = {
    "absent": "no keyring runs here (Secret Service, KWallet or macOS Keychain)",
    "locked": "the keyring is locked, or was never made: unlock it, as in the desktop's program for passwords",
    "silent": f"the keyring did not answer within {LIMIT:g} s",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call.

    Attributes:
        state: ``done``; ``missing``: there is no copy of ours; ``absent``: there is no keyring; ``locked``; ``silent``:
            it did not answer in time; ``failed``: it answered with an error.
        words: that for people, as a clause.
        token: what :func:`load` found.
    """

    state: State
    words: str
    token: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.words


def store(token: str) -> Result:
    """Put a copy of the token there, in place of an older one."""

    def call(keyring: KeyringBackend, account: str) -> Result:
        keyring.set_password(SERVICE, account, token)
        return Result("done", "a copy of the token is in the keyring")

    return _ask(call)


def load() -> Result:
    """Return the copy, whatever it looks like."""

    def call(keyring: KeyringBackend, account: str) -> Result:
        found = keyring.get_password(SERVICE, account)
        if found is None:
            return _missing()
        return Result("done", "the keyring has a copy of the token", found)

    return _ask(call)


def update(token: str) -> Result:
    """Replace the copy by a new token, if there is one."""

    def call(keyring: KeyringBackend, account: str) -> Result:
        if keyring.get_password(SERVICE, account) is None:
            return _missing()
        keyring.set_password(SERVICE, account, token)
        return Result("done", "the copy in the keyring is the new one")

    return _ask(call)


def delete() -> Result:
    """Remove the copy."""

    def call(keyring: KeyringBackend, account: str) -> Result:
        if keyring.get_password(SERVICE, account) is None:
            return _missing()
        keyring.delete_password(SERVICE, account)
        return Result("done", "the copy in the keyring is deleted")

    return _ask(call)


def _missing() -> Result:
    return Result("missing", "the keyring has no copy of the token")


def _said(state: State) -> Result:
    return Result(state, _WORDS[state])


def _ask(call: Callable[[KeyringBackend, str], Result]) -> Result:
    """Make a call in a thread that is left behind if it does not come back; it ends with the process at the latest."""
    account = str(Home.default().token.absolute())
    answers: list[Result] = []
    thread = threading.Thread(target=lambda: answers.append(_answer(call, account)), name="keyring", daemon=True)
    thread.start()
    thread.join(LIMIT)
    return answers[0] if answers else _said("silent")


def _answer(call: Callable[[KeyringBackend, str], Result], account: str) -> Result:
    try:
        from keyring.errors import KeyringLocked

        keyring = _found()
        if keyring is None:
            return _said("absent")
        try:
            return call(keyring, account)
        except KeyringLocked:
            return _said("locked")
    except Exception as error:  # noqa: BLE001 - libraries of four kinds of keyring, each with errors of its own
        # Its text is not for people, and nobody knows what it quotes.
        return Result("failed", f"the keyring could not do it ({type(error).__name__})")


def _found() -> KeyringBackend | None:
    """Return the keyring of this desktop; None: there is none.

    A backend's ``priority`` raises where it can't work: there is no library, no bus, nobody on the bus.
    """
    from keyring.backends import kwallet, macOS

    kinds: list[type[KeyringBackend]] = [kwallet.DBusKeyring, macOS.Keyring]
    if sys.platform == "linux" and _secret_service_runs():
        kinds.insert(0, _secret_service())
    for kind in kinds:
        with contextlib.suppress(RuntimeError, OSError):
            if kind.priority > 0:
                return kind()
    return None


def _secret_service_runs() -> bool:
    """Tell whether a Secret Service runs. Where the bus only knows how to start one, asking that would start it.

    Without a desktop such a one is locked, and leaves folders in the home.
    """
    from jeepney import message_bus
    from jeepney.io.blocking import Proxy
    from secretstorage import SecretServiceNotAvailableException, dbus_init
    from secretstorage.util import BUS_NAME

    try:
        with contextlib.closing(dbus_init()) as bus:
            return bool(Proxy(message_bus, bus).NameHasOwner(BUS_NAME)[0])
    except (OSError, SecretServiceNotAvailableException):
        return False


def _secret_service() -> type[KeyringBackend]:
    """Return the backend for the Secret Service, changed so that it never asks anybody anything."""
    from keyring.backends import SecretService
    from keyring.errors import KeyringLocked

    class Quiet(SecretService.Keyring):
        def get_preferred_collection(self):  # type: ignore[no-untyped-def]
            import secretstorage

            bus = secretstorage.dbus_init()
            try:
                # Not get_default_collection(): where there is none, it asks for the password of a new one.
                collection = secretstorage.get_collection_by_alias(bus, "default")
                if collection.is_locked():
                    raise KeyringLocked
            except secretstorage.ItemNotFoundException:
                bus.close()
                raise KeyringLocked from None
            except BaseException:
                bus.close()
                raise
            return collection

    return Quiet
