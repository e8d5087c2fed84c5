"""Which ids came lately."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clawsocket.log.recent import FIRST, Recent


@given(st.integers(1, 50), st.lists(st.lists(st.text(), max_size=20), max_size=30))
def test_the_newest_are_known_and_nothing_else(least: int, parts: list[list[str]]) -> None:
    recent, told = Recent(least), []
    for part in parts:
        new = [id for id in dict.fromkeys(part) if id not in recent]
        recent.update(new)
        told += new
        assert all(id in recent for id in told[-least:])
        assert not any(f"{id}, another" in recent for id in told if f"{id}, another" not in told)


def test_how_many_are_known_has_a_bound() -> None:
    recent = Recent(100)
    ids = [str(number) for number in range(3000)]
    for id in ids:
        recent.update((id,))
        assert id in recent
    known = [id in recent for id in ids]
    assert 100 <= sum(known) <= 400
    assert known == sorted(known), "the oldest are forgotten first"


def test_it_grows_with_what_it_is_told_and_loses_nothing_on_the_way() -> None:
    recent = Recent(FIRST)
    ids = [str(number) for number in range(5 * FIRST)]
    for start in range(0, len(ids), FIRST):
        recent.update(ids[start : start + FIRST])
        assert all(id in recent for id in ids[start : start + FIRST])
    assert not any(f"-{id}" in recent for id in ids)
    assert 1 <= sum(id in recent for id in ids) / FIRST <= 4
