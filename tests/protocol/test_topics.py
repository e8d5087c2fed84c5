"""Topic patterns and filters, against models that are too simple to be wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.protocol.aliases import ALIASES_OF
from clawsocket.protocol.events import EVENTS
from clawsocket.protocol.topics import Filter, Sessions, matcher

SEGMENTS = st.sampled_from(["tool", "use", "result", "hook", "a+", "(", "tools", "TOOL", "\u00e9"])
TYPES = st.lists(SEGMENTS, min_size=1, max_size=4).map(".".join)
PATTERNS = st.lists(SEGMENTS | st.just("*"), min_size=1, max_size=4).map(".".join)
ALIASES = sorted({alias for aliases in ALIASES_OF.values() for alias in aliases})
NAMES = ["*", "tool.*", "tool.use", "tool.result", "hook.*", "hook.pre_tool_use", "session.*", *ALIASES]
SESSIONS = st.none() | st.frozensets(st.sampled_from("stu"), min_size=1)
TOPICS = st.dictionaries(st.sampled_from(NAMES), SESSIONS)


def segments_match(pattern: list[str], type: list[str]) -> bool:
    """``*`` is one segment, or at the end one or more; all by itself it is everything."""
    if pattern == ["*"]:
        return bool(type)
    if not pattern or not type:
        return not pattern and not type
    return pattern[0] in ("*", type[0]) and segments_match(pattern[1:], type[1:])


@pytest.mark.parametrize(
    ("pattern", "wanted", "unwanted"),
    [
        ("*", ["tool.use", "x", "a.b.c"], []),
        ("tool.*", ["tool.use", "tool.result", "tool.a.b"], ["tool", "tools.use", "tool.", "hook.tool.use"]),
        ("tool.use", ["tool.use"], ["tool.use.more", "tool_use", "tool.used", "TOOL.USE"]),
        ("*.started", ["agent.started", "session.started"], ["agent.sub.started", "started", "agent.startedx"]),
        ("a.*.c", ["a.b.c"], ["a.c", "a.b.b.c", "a.b.c.d"]),
        ("*.*", ["a.b", "a.b.c"], ["a"]),
        ("tool", ["tool"], ["tool.use"]),
        ("tool.u*", ["tool.u*"], ["tool.use"]),
        ("**", ["**"], ["tool"]),
        ("never.heard.of", ["never.heard.of"], ["never.heard"]),
    ],
)
def test_a_pattern_matches_what_is_promised(pattern: str, wanted: list[str], unwanted: list[str]) -> None:
    match = matcher(pattern)
    assert [type for type in wanted if not match(type)] == []
    assert [type for type in unwanted if match(type)] == []


@given(PATTERNS, TYPES)
def test_patterns_match_segment_by_segment(pattern: str, type: str) -> None:
    assert matcher(pattern)(type) == segments_match(pattern.split("."), type.split("."))


def test_all_that_a_client_may_ask_for_is_looked_through_at_once() -> None:
    topics = Filter({"*." * 126 + f"{number:03}": None for number in range(200)})
    began = time.process_time()
    assert not topics.wants("tool.use", "s")
    assert time.process_time() - began < 0.05, "each pattern costs as much as its comparison, and not a millisecond"


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_a_pattern(pattern: str, type: str) -> None:
    assert isinstance(matcher(pattern)(type), bool)


def wants(topics: Mapping[str, Sessions], type: str, session: str) -> bool:
    return any(
        segments_match(pattern.split("."), type.split(".")) and (sessions is None or session in sessions)
        for pattern, sessions in topics.items()
    )


@given(TOPICS, st.sampled_from(sorted(EVENTS)), st.sampled_from(["s", "t", "u", "v", ""]))
def test_a_filter_wants_what_any_of_its_topics_wants_for_that_session(
    topics: dict[str, Sessions], type: str, session: str
) -> None:
    one = Filter(topics)
    expected = wants(topics, type, session)
    assert [one.wants(type, session) for _ in range(3)] == [expected] * 3


@given(TOPICS, st.sampled_from(sorted(ALIASES_OF)), st.sampled_from(["s", "t", "v"]))
def test_an_alias_is_wanted_by_its_exact_name_alone_and_for_that_topics_sessions(
    topics: dict[str, Sessions], type: str, session: str
) -> None:
    expected = [
        alias
        for alias in ALIASES_OF[type]
        if alias in topics and ((sessions := topics[alias]) is None or session in sessions)
    ]
    assert Filter(topics).aliases(type, session) == expected


def test_a_session_filter_belongs_to_the_topic_it_came_with() -> None:
    one = Filter({"tool.*": frozenset({"s"}), "message.user": None})
    assert one.wants("tool.use", "s")
    assert not one.wants("tool.use", "t")
    assert one.wants("message.user", "t")


def test_no_topics_want_nothing() -> None:
    assert not Filter().wants("tool.use", "s")
    assert not Filter().aliases("tool.use", "s")


def test_equal_filters_are_one_key_whatever_their_order() -> None:
    one = Filter({"a": None, "b": frozenset({"s", "t"})})
    other = Filter({"b": frozenset({"t", "s"}), "a": None})
    assert one == other
    assert hash(one) == hash(other)
    assert one != Filter({"a": None})
    assert one != Filter({"a": None, "b": None})
    assert one != "a"


def test_a_filter_stays_right_when_it_has_seen_very_many_types() -> None:
    one = Filter({"new.*": frozenset({"s"})})
    for number in range(2000):
        assert one.wants(f"new.{number}", "s")
        assert not one.wants(f"new.{number}", "t")
        assert not one.wants(f"old.{number}", "s")


def test_the_promised_aliases_and_no_other() -> None:
    assert ALIASES_OF == {
        "tool.use": ("tool.started",),
        "tool.result": ("tool.completed", "tool.failed"),
        "usage.updated": ("usage.update",),
        "hook.pre_tool_use": ("hook.started",),
        "hook.post_tool_use": ("hook.completed",),
        "hook.post_tool_use_failure": ("hook.completed",),
    }
    assert not EVENTS.keys() & set(ALIASES)
