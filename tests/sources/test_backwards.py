"""The last lines of a file, however they lie in the blocks that are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.sources import backwards
from clawsocket.sources.backwards import last_lines

LINES = st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b" ")), max_size=20)


@given(lines=LINES, rest=st.binary(max_size=5), count=st.integers(1, 25), block=st.integers(1, 40))
def test_they_are_the_last_complete_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], rest: bytes, count: int, block: int
) -> None:
    path = tmp_path_factory.mktemp("backwards") / "file"
    path.write_bytes(b"".join(line + b"\n" for line in lines) + rest.replace(b"\n", b" "))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backwards, "BLOCK", block)
        found, begin = last_lines(path, count, max_bytes=1 << 30)
        assert found == lines[-count:]
        assert begin == sum(len(line) + 1 for line in lines[:-count])
        before, _ = last_lines(path, count, max_bytes=1 << 30, end=begin)
        assert before == lines[:-count][-count:]


def test_no_more_is_read_than_allowed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 10 + b"\n" + b"b" * (3 * backwards.BLOCK) + b"\n" + b"c\n")
    found, begin = last_lines(path, 10, max_bytes=backwards.BLOCK)
    assert found == [b"c"]
    assert begin == path.stat().st_size - 2
