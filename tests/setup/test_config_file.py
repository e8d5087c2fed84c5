"""Settings are changed in a text that stays the user's."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.setup.config_file import with_settings


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("", {"port": 4000}, "port = 4000\n"),
        ("# mine\n", {"port": 4000}, "# mine\nport = 4000\n"),
        ("verbose = true", {"port": 4000}, "verbose = true\nport = 4000\n"),
        ("port = 3838  # why\nx = 1\n", {"port": 4000}, "port = 4000  # why\nx = 1\n"),
        ('host = "a#b" # x # y\n', {"host": "c"}, 'host = "c" # x # y\n'),
        ('dirs = [\n  "a", # one\n  "b",\n] # end\nx = 1\n', {"dirs": ("c",)}, 'dirs = ["c"]\nx = 1\n'),
        ('"port" = 1\n', {"port": 2}, "port = 2\n"),
        ('a = """\nport = 1\n"""\n', {"port": 2}, None),
        ("port = 4000 # same\n", {"port": 4000}, "port = 4000 # same\n"),
        ("hooks = true\r\nport = 1\r\n", {"hooks": False}, None),
    ],
)
def test_the_rest_stays_as_it_is(before: str, wanted: dict[str, Any], after: str | None) -> None:
    done = with_settings(before, wanted)
    assert after is None or done == after
    assert tomllib.loads(done) == {
        **tomllib.loads(before),
        **{k: list(v) if isinstance(v, tuple) else v for k, v in wanted.items()},
    }


@pytest.mark.parametrize("before", ["port = ", "[[x]]\ny = 1\n", "x.y = 1\n[port]\n"])
def test_what_cannot_be_edited_safely_is_left(before: str) -> None:
    with pytest.raises(ValueError, match=r"port = 1|TOML|Invalid|Expected"):
        with_settings(before, {"port": 1})


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), FLOATS, TEXTS, st.lists(TEXTS, max_size=3))


@given(
    st.dictionaries(st.sampled_from(["port", "host", "hooks", "dirs"]), VALUES),
    st.sampled_from(["port", "dirs"]),
    VALUES,
)
def test_whatever_was_there_it_says_the_new_value_and_nothing_else_new(
    before: dict[str, Any], name: str, value: Any
) -> None:
    text = with_settings("# first\n", before)
    done = with_settings(text, {name: value})
    assert tomllib.loads(done) == {**before, name: value}
    assert done.startswith("# first\n")
