"""Counting in windows, and places."""

from __future__ import annotations

from clawsocket.server.limits import Places, Rates, Window


def test_a_window_allows_so_many_and_then_begins_anew() -> None:
    window = Window(2)
    assert [window.allow(now) for now in (0.0, 9.0, 9.9, 10.0, 19.9, 19.99)] == [True, True, False, True, True, False]


def test_each_address_has_its_own_window() -> None:
    rates = Rates(1)
    assert [rates.allow(address, 0.0) for address in ("a", "b", "a", "b")] == [True, True, False, False]


def test_addresses_long_silent_are_forgotten_and_others_are_not() -> None:
    rates = Rates(1, keep=3)
    for address in ("a", "b"):
        rates.allow(address, 0.0)
    rates.allow("c", 9.0)
    rates.allow("d", 12.0)
    assert not rates.allow("c", 12.0)
    assert len(rates) == 2


def test_places_are_taken_and_given_back() -> None:
    places = Places(3, 2)
    assert state(places) == (False, False, False)
    places.take("a")
    places.take("a")
    assert state(places) == (False, True, False)
    places.take("b")
    assert state(places) == (True, True, False)
    places.give_back("a")
    assert state(places) == (False, False, False)
    places.give_back("a")
    places.give_back("b")
    assert state(places) == (False, False, False)


def state(places: Places) -> tuple[bool, bool, bool]:
    return places.full, places.full_for("a"), places.full_for("b")
