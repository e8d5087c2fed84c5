import os
import stat
import threading
from pathlib import Path

import pytest

from clawsocket.setup import swap as module
from clawsocket.setup.swap import exchange, read, refuse_read_only, swap


@pytest.fixture(params=["exchange", "rename"])
def path(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for a file, where the system can exchange files and where it can't."""
    if request.param == "rename":
        monkeypatch.setattr(module, "exchange", lambda *files: not files)
    return tmp_path / "settings.json"


def names(path: Path) -> list[str]:
    return [item.name for item in path.parent.iterdir()]


def test_a_file_is_made_replaced_and_removed(path: Path) -> None:
    assert swap(path, None, b"one")
    assert read(path) == b"one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert swap(path, b"one", b"two")
    assert read(path) == b"two"
    assert names(path) == ["settings.json"]
    assert swap(path, b"two", None)
    assert read(path) is None
    assert names(path) == []


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    assert swap(tmp_path / "new" / "settings.json", None, b"x")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize(("before", "after"), [(b"old", b"ours"), (b"old", None), (None, b"ours")])
def test_what_somebody_else_wrote_stands(path: Path, before: bytes | None, after: bytes | None) -> None:
    path.write_bytes(b"theirs")
    assert not swap(path, before, after)
    assert read(path) == b"theirs"
    assert names(path) == ["settings.json"]


def test_what_somebody_wrote_in_the_last_moment_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(b"old")
    calls: list[Path] = []

    def late(first: Path, second: Path) -> bool:
        if not calls:
            path.write_bytes(b"theirs")
        calls.append(second)
        return exchange(first, second)

    monkeypatch.setattr(module, "exchange", late)
    assert not swap(path, b"old", b"ours")
    assert calls == [path, path]
    assert read(path) == b"theirs"
    assert names(path) == ["settings.json"]


def test_a_file_system_without_links_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    assert swap(path, None, b"one")
    assert read(path) == b"one"
    assert names(path) == ["settings.json"]


def test_mode_and_owner_stay(path: Path) -> None:
    path.write_bytes(b"one")
    path.chmod(0o664)
    owner = (1234, 5678) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(path, *owner)
    assert swap(path, b"one", b"two")
    status = path.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o664, *owner)


def test_a_reader_always_finds_a_whole_file(path: Path) -> None:
    contents = [b"a" * 5000, b"b" * 9000]
    path.write_bytes(contents[0])
    seen = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(read(path))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(60):
        assert swap(path, contents[number % 2], contents[(number + 1) % 2])
    done.set()
    reader.join()
    assert seen <= set(contents)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_missing_write_permission_is_heeded_by_root_too(tmp_path: Path, what: str) -> None:
    path = tmp_path / "folder" / "settings.json"
    path.parent.mkdir()
    path.write_bytes(b"x")
    item = path if what == "file" else path.parent
    item.chmod(item.stat().st_mode & 0o555)
    for attempt in (lambda: swap(path, b"x", b"y"), lambda: refuse_read_only(path)):
        with pytest.raises(OSError, match="read-only"):
            attempt()
    item.chmod(0o700)
    assert read(path) == b"x"
    assert names(path) == ["settings.json"]


def test_what_is_not_a_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(OSError, match="not a regular file"):
            read(path)


def test_files_are_exchanged_in_one_step(tmp_path: Path) -> None:
    first, second = tmp_path / "ä first", tmp_path / "second"
    first.write_text("1")
    second.write_text("2")
    assert exchange(first, second)
    assert (first.read_text(), second.read_text()) == ("2", "1")
    assert not exchange(first, tmp_path / "missing")
