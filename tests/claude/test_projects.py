"""Project folders are named as Claude Code names them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.claude.projects import project_folder

BASE = "/tmp/dev"

# What Claude Code 2.1.197 made of these folders.
REAL = [
    (f"{BASE}/od.d_na me \u00e9 \U0001f389", "-tmp-dev-od-d-na-me-----"),
    (
        f"{BASE}/long/" + "ab.c_" * 20 + "/" + "P\u00e4th-" * 20,
        "-tmp-dev-long-" + "ab-c-" * 20 + "-" + "P-th-" * 17 + "-a2dq5",
    ),
    (
        f"{BASE}/long\U0001f389/" + "x" * 120 + "/" + "y" * 90,
        "-tmp-dev-long---" + "x" * 120 + "-" + "y" * 63 + "-76z1ue",
    ),
    ("/home/dev/work/a_plain", "-home-dev-work-a-plain"),
]

PATHS = st.text(st.characters(exclude_categories=()), max_size=300).map(lambda text: "/" + text)


def units_of(text: str) -> list[int]:
    data = text.encode("utf-16-be", "surrogatepass")
    return [data[at] << 8 | data[at + 1] for at in range(0, len(data), 2)]


def java_hash(units: list[int]) -> int:
    """As the Java documentation says it: s[0]*31^(n-1) + s[1]*31^(n-2) + ... + s[n-1], in 32 bits."""
    total = sum(unit * pow(31, len(units) - 1 - at, 2**32) for at, unit in enumerate(units)) % 2**32
    return total - 2**32 if total >= 2**31 else total


@pytest.mark.parametrize(("path", "folder"), REAL)
def test_a_folder_is_named_as_the_real_program_names_it(path: str, folder: str) -> None:
    assert project_folder(path) == folder


@given(PATHS)
def test_a_name_is_one_letter_digit_or_dash_for_each_utf16_unit(path: str) -> None:
    units, name = units_of(path), project_folder(path)
    plain = "".join(chr(unit) if unit < 128 and chr(unit).isalnum() else "-" for unit in units)
    assert name[:200] == plain[:200]
    assert re.fullmatch("-[A-Za-z0-9-]*", name)


@given(st.text(min_size=200, max_size=400).map(lambda text: "/" + text))
def test_a_long_name_ends_in_the_hash_of_the_original_path(path: str) -> None:
    ending = project_folder(path)[200:]
    assert ending[0] == "-"
    assert int(ending[1:], 36) == abs(java_hash(units_of(path)))
    assert ending[1:] == ending[1:].lower().lstrip("0") or ending == "-0"


def test_up_to_200_units_a_name_is_used_as_it_is() -> None:
    assert project_folder("/" + "a" * 199) == "-" + "a" * 199
    assert project_folder("/" + "a" * 200).startswith("-" + "a" * 199 + "-")
    assert len(project_folder("/" + "\U0001f389" * 99 + "a")) == 200
    assert len(project_folder("/" + "\U0001f389" * 100)) > 200


def test_different_paths_can_share_a_folder() -> None:
    assert project_folder("/a-b") == project_folder("/a.b") == project_folder("/a b")


def test_long_paths_that_differ_only_in_what_is_replaced_have_folders_of_their_own() -> None:
    assert project_folder("/a-b" + "c" * 200) != project_folder("/a.b" + "c" * 200)
