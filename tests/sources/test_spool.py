"""Every hook in the spool is told once, in order, and its file goes when it was told."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from clawsocket.claude.hook_command import spool_script
from clawsocket.claude.observations import HookSeen, Observation, Trouble
from clawsocket.config import Settings
from clawsocket.sources import spool as module
from clawsocket.sources.spool import Spool
from clawsocket.sources.watch import Watcher
from tests.sources.running import eventually, make_folder, refuse_listing, settled

T0 = 1_700_000_000_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / 'it\'s a "spool" $HOME'
    path.mkdir()
    return path


@pytest.fixture
async def spool(
    folder: Path, watcher: Watcher, seen: list[Observation], settings: Settings, now: Callable[[], int]
) -> AsyncIterator[Spool]:
    spool = Spool(folder, watcher, seen.append, settings, now)
    yield spool
    spool.close()


def payload(text: str) -> bytes:
    return json.dumps({"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": text}).encode()


def put(folder: Path, name: str, text: str | bytes, written: int | None = None) -> Path:
    """Put a payload into the spool as a hook does."""
    partial, path = folder / f".{name}", folder / f"{name}.json"
    partial.write_bytes(text if isinstance(text, bytes) else payload(text))
    if written is not None:
        os.utime(partial, ns=(written, written))
    partial.rename(path)
    return path


def prompts(seen: list[Observation]) -> list[str | None]:
    return [item.hook.prompt for item in seen if isinstance(item, HookSeen)]


def troubles(seen: list[Observation]) -> list[str]:
    return [item.message for item in seen if isinstance(item, Trouble)]


def by_time_and_name(folder: Path) -> list[str]:
    paths = sorted(folder.iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return [json.loads(path.read_bytes())["prompt"] for path in paths]


def was_troubled(seen: list[Observation], times: int) -> bool:
    return len(troubles(seen)) == times


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def run_hook(folder: Path, body: bytes) -> None:
    subprocess.run(["sh", "-c", spool_script(str(folder), 1_000_000)], input=body, check=True)


def change_mode(folder: Path) -> None:
    folder.chmod(0o700)


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


async def test_what_waits_is_told_in_order_of_time_then_name(
    spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    put(folder, "10000009", "third", T0 + 1)
    put(folder, "10000002", "fourth", T0 + 5_000_000)
    put(folder, "10000001_1", "second", T0)
    put(folder, "10000001", "first", T0)
    await spool.start()
    await eventually(lambda: is_empty(folder), "an empty spool")
    assert prompts(seen) == ["first", "second", "third", "fourth"]
    last = seen[-1]
    assert isinstance(last, HookSeen)
    assert last.at == T0 // 1_000_000 + 5
    assert bytes(last.hook.raw) == payload("fourth")


async def test_thousands_that_wait_are_told_in_order_and_the_loop_goes_on(
    spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    for number in range(3000):
        put(folder, str(10_000_000 + number * 7919 % 3000), str(number), T0 + number // 3)
    wanted = by_time_and_name(folder)
    start = asyncio.ensure_future(spool.start())
    counts = []
    while not start.done():
        await asyncio.sleep(0)
        counts.append(len(seen))
    assert prompts(seen) == wanted
    await eventually(lambda: is_empty(folder), "an empty spool")
    assert len(set(counts)) > 5


async def test_what_comes_is_told_in_order_also_while_earlier_ones_are_taken(
    spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    await spool.start()
    total = 2000

    def write() -> None:
        for number in range(total):  # pids in no order, ticks of the clock shared by many
            put(folder, str(10_000_000 + number * 7919 % total), str(number))

    await asyncio.to_thread(write)
    await eventually(lambda: len(seen) >= total, "all hooks")
    await eventually(lambda: is_empty(folder), "an empty spool")
    assert prompts(seen) == [str(number) for number in range(total)]


async def test_a_name_that_comes_again_is_another_hook(spool: Spool, folder: Path, seen: list[Observation]) -> None:
    await spool.start()
    for number in range(3):
        put(folder, "10000001", str(number))
        await eventually(lambda: is_empty(folder), "an empty spool")
    assert prompts(seen) == ["0", "1", "2"]
    assert len({item.id for item in seen if isinstance(item, HookSeen)}) == 3


async def test_what_an_earlier_run_has_taken_is_deleted_and_not_told_again(
    spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    spool.is_known = lambda id: id.startswith("1.")
    put(folder, "1", "before")
    put(folder, "2", "now")
    await spool.start()
    await eventually(lambda: is_empty(folder), "an empty spool")
    assert prompts(seen) == ["now"]


async def test_a_file_is_deleted_after_it_was_told_and_what_was_not_told_waits(
    folder: Path, watcher: Watcher, settings: Settings, now: Callable[[], int]
) -> None:
    there: list[bool] = []

    def sink(seen: Observation) -> None:
        assert isinstance(seen, HookSeen)
        there.append((folder / f"{seen.id.partition('.')[0]}.json").exists())
        if len(there) == 2:
            taking.close()

    for number in range(4):
        put(folder, str(number), "x", T0 + number)
    taking = Spool(folder, watcher, sink, settings, now)
    await taking.start()
    await eventually(lambda: len(there) == 2, "two hooks")
    await settled()
    assert there == [True, True]
    assert names(folder) == {"2.json", "3.json"}


async def test_what_the_hook_itself_writes_is_told(spool: Spool, folder: Path, seen: list[Observation]) -> None:
    await spool.start()
    for number in range(20):
        run_hook(folder, payload(str(number)))
    await eventually(lambda: is_empty(folder), "an empty spool")
    assert prompts(seen) == [str(number) for number in range(20)]


async def test_what_is_no_hook_is_counted_told_once_a_kind_and_deleted(
    folder: Path, watcher: Watcher, seen: list[Observation], now: Callable[[], int]
) -> None:
    spool = Spool(folder, watcher, seen.append, Settings(spool_limit=2000), now)
    for number in range(2):
        for name, body in {
            "json": b"{",
            "empty": b"",
            "utf8": b'"\xff"',
            "hook": b'{"secret":1}',
            "list": b"[]",
            "long": payload("x" * 2000),
        }.items():
            put(folder, f"{name}{number}", body)
    put(folder, "good", "good")
    await spool.start()
    await eventually(lambda: is_empty(folder), "an empty spool")
    assert prompts(seen) == ["good"]
    assert spool.rejected == {"not JSON": 6, "not a hook": 4, "long": 2}
    assert len(troubles(seen)) == 3
    assert not any("secret" in message for message in troubles(seen))
    spool.close()


async def test_partial_files_are_left_alone_and_old_ones_swept(
    spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    for name in (".10000001", ".10000002"):
        (folder / name).write_bytes(payload(name))
    os.utime(folder / ".10000001", ns=(T0, T0))
    for name in ("notes.txt", "x.json.bak"):
        (folder / name).write_bytes(payload(name))
    (folder / "folder.json").mkdir()
    os.mkfifo(folder / "pipe.json")
    (folder / "link.json").symlink_to(".10000002")
    await spool.start()
    put(folder, "10000003", "good")
    await eventually(lambda: prompts(seen) == ["good"], "the hook")
    assert names(folder) == {".10000002", "notes.txt", "x.json.bak", "folder.json", "pipe.json", "link.json"}
    assert troubles(seen) == []


@pytest.mark.parametrize("mark", [".full", ".lost"])
async def test_a_mark_is_taken_away_and_told_after_what_waited(
    monkeypatch: pytest.MonkeyPatch, spool: Spool, folder: Path, seen: list[Observation], mark: str
) -> None:
    monkeypatch.setattr(module, "_QUIET", 0)
    lost: list[int] = []
    spool.on_lost = lambda: lost.append(len(prompts(seen)))
    for number in range(250):
        put(folder, str(number), str(number))
    (folder / mark).touch()
    await spool.start()
    await eventually(lambda: is_empty(folder), "an empty spool")
    assert lost == [250]
    assert len(troubles(seen)) == 1
    (folder / mark).touch()
    await eventually(lambda: len(lost) == 2, "the mark while it runs")
    await eventually(lambda: is_empty(folder), "an empty spool")
    await settled()
    assert len(lost) == len(troubles(seen)) == 2


async def test_while_there_is_no_room_for_more_hooks_stay_where_they_are(
    spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    released: list[Callable[[], None]] = []
    spool.release = released.append
    spool.has_room = lambda: len(released) < 2
    for number in range(4):
        put(folder, str(number), str(number))
    starting = asyncio.ensure_future(spool.start())
    await eventually(lambda: prompts(seen) == ["0", "1"], "the first")
    await settled()
    assert prompts(seen) == ["0", "1"]
    released.clear()
    await starting
    assert prompts(seen) == ["0", "1", "2", "3"]


async def test_on_a_full_disk_each_loss_is_one_and_the_trouble_is_told_once(
    spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    lost: list[str] = []
    spool.on_lost = lambda: lost.append("lost")
    await spool.start()
    for _ in range(5):
        (folder / ".lost").touch()
        await eventually(lambda: is_empty(folder), "the mark to be seen")
    assert (len(lost), len(troubles(seen))) == (5, 1)


async def test_the_folder_may_be_missing_come_go_and_come_back(
    spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    lost: list[int] = []
    spool.on_lost = lambda: lost.append(len(prompts(seen)))
    shutil.rmtree(folder)
    await spool.start()
    for number in range(2):
        await eventually(partial(was_troubled, seen, number + 1), "the trouble")
        make_folder(folder)
        put(folder, "1", f"{number} at once")
        await eventually(lambda: is_empty(folder), "an empty spool")
        put(folder, "2", f"{number} later")
        await eventually(lambda: is_empty(folder), "an empty spool")
        shutil.rmtree(folder)
    assert prompts(seen) == ["0 at once", "0 later", "1 at once", "1 later"]
    assert lost == [0, 2], "what came while it was not there is nowhere"


async def test_in_a_folder_that_is_read_only_hooks_are_told_once_and_deleted_when_they_can_be_each_time(
    monkeypatch: pytest.MonkeyPatch, spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    await spool.start()
    for times in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", refuse)
            for number in range(3):
                put(folder, str(number), str(number))
            (folder / ".full").touch()
            await eventually(lambda: len(prompts(seen)) == 3, "the hooks")
            os.utime(folder / "1.json")
            os.utime(folder)
            await settled()
            assert prompts(seen) == ["0", "1", "2"]
            for trouble in ("; hooks are seen, and their files stay", ", and hooks are lost"):
                assert troubles(seen).count(f"the spool can't be emptied{trouble}") == times
        change_mode(folder)
        await eventually(lambda: is_empty(folder), "an empty spool")
        put(folder, "0", "again")
        await eventually(lambda: prompts(seen) == ["0", "1", "2", "again"], "the next hook")
        seen[:] = [one for one in seen if isinstance(one, Trouble)]


async def test_a_hook_that_cannot_be_read_now_is_read_later(
    monkeypatch: pytest.MonkeyPatch, spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    refused: list[str] = []

    def refusing(path: str | Path, flags: int) -> int:
        if str(path).endswith("1.json") and len(refused) < 3:
            refused.append(str(path))
            raise OSError(errno.EMFILE, "Too many open files", path)
        return real(path, flags)

    real = os.open
    monkeypatch.setattr(os, "open", refusing)
    await spool.start()
    put(folder, "1", "one")
    await eventually(lambda: is_empty(folder), "an empty spool")
    assert prompts(seen) == ["one"]
    assert len(troubles(seen)) == 1


async def test_a_spool_that_cannot_be_listed_now_is_listed_later(
    monkeypatch: pytest.MonkeyPatch, spool: Spool, folder: Path, seen: list[Observation]
) -> None:
    put(folder, "1", "one")
    refuse_listing(monkeypatch, 2)
    await spool.start()
    await eventually(lambda: prompts(seen) == ["one"], "the hook")
    assert len(troubles(seen)) == 1


async def test_a_failing_sink_costs_the_one_hook(
    folder: Path, watcher: Watcher, settings: Settings, now: Callable[[], int]
) -> None:
    taken: list[str | None] = []

    def sink(seen: Observation) -> None:
        assert isinstance(seen, HookSeen)
        if seen.hook.prompt == "bad":
            raise RuntimeError("no")
        taken.append(seen.hook.prompt)

    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    for number, text in enumerate(["one", "bad", "two"]):
        put(folder, str(number), text, T0 + number)
    spool = Spool(folder, watcher, sink, settings, now)
    await spool.start()
    await eventually(lambda: is_empty(folder), "an empty spool")
    assert taken == ["one", "two"]
    assert len(errors) == 1
    spool.close()
