"""The token: made once, kept to its owner, compared without telling anything."""

from __future__ import annotations

import hmac
import os
import re
from pathlib import Path

import pytest

from clawsocket import token
from clawsocket.errors import FolderError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "token"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_token_is_32_random_bytes_in_hex() -> None:
    tokens = {token.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in tokens)


def test_the_first_start_makes_one_and_the_next_finds_it(path: Path) -> None:
    made = token.load_or_create(path)
    assert re.fullmatch("[0-9a-f]{64}", made)
    assert token.load_or_create(path) == made == token.load(path)
    assert mode(path) == 0o600


def test_it_is_never_readable_by_others_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        token.save(path, token.new_token())
    finally:
        os.umask(before)
    assert mode(path) == 0o600


@pytest.mark.parametrize("wrong", [0o644, 0o660, 0o604, 0o777])
def test_a_mode_that_lets_others_in_is_repaired(path: Path, wrong: int) -> None:
    made = token.load_or_create(path)
    path.chmod(wrong)
    assert token.load(path) == made
    assert mode(path) == 0o600


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "  \n\n"])
def test_space_around_a_token_is_nothing(path: Path, ending: str) -> None:
    path.write_text(" " + "a1" * 32 + ending)
    assert token.load(path) == "a1" * 32


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"short", b"g" * 64, b"a" * 63, b"a" * 65, b"A" * 64, b"\xff" * 64, b"\x00" * 64, b"a" * 5000],
)
def test_a_broken_file_holds_no_token_and_is_replaced(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert token.load(path) is None
    made = token.load_or_create(path)
    assert re.fullmatch("[0-9a-f]{64}", made)
    assert path.read_text() == made + "\n"
    assert mode(path) == 0o600


def test_a_missing_file_holds_no_token(path: Path) -> None:
    assert token.load(path) is None


def test_a_file_that_cannot_be_read_is_told_and_left_alone(path: Path) -> None:
    path.mkdir()
    with pytest.raises(FolderError, match=r"token: cannot be read: Is a directory"):
        token.load_or_create(path)
    assert path.is_dir()


def test_saving_replaces_the_file_in_one_step_and_leaves_nothing_beside_it(path: Path) -> None:
    token.save(path, "a" * 64)
    with path.open() as before:
        token.save(path, "b" * 64)
        assert before.read() == "a" * 64 + "\n"
    assert token.load(path) == "b" * 64
    assert [item.name for item in path.parent.iterdir()] == ["token"]


def test_a_token_that_cannot_be_saved_is_told_and_nothing_is_left(path: Path, tmp_path: Path) -> None:
    path.mkdir()
    with pytest.raises(FolderError, match="token: cannot be written"):
        token.save(path, "a" * 64)
    assert [item.name for item in tmp_path.iterdir()] == ["token"]
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"token: cannot be written: Not a directory"):
        token.save(tmp_path / "file" / "token", "a" * 64)


def test_only_the_token_itself_is_the_same() -> None:
    wanted = "a1" * 32
    assert token.same(wanted, wanted)
    assert token.same(wanted.encode(), wanted)
    wrong = ["", "a1" * 31, wanted + "a", wanted.upper(), "\u00e9", "\u00e9" * 64, "\ud800", wanted + "\n", "\x00"]
    assert [one for one in wrong if token.same(one, wanted)] == []
    assert [one for one in (b"", b"\xff", b"\xff" * 64) if token.same(one, wanted)] == []


def test_nothing_is_never_the_same_not_even_as_nothing() -> None:
    assert not token.same("", "")
    assert not token.same(b"", "")


def test_comparing_takes_as_long_wherever_the_difference_is(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert not token.same("x", "y" * 64)
    assert compared == [(b"x", b"y" * 64)]
