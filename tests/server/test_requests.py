"""What clients ask for, and what they get."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from clawsocket import __version__
from clawsocket.errors import RequestError
from clawsocket.protocol.replies import ERRORS
from tests.server.harness import PAST, SESSION, Rig, running, session


async def test_the_first_message_is_a_snapshot(rig: Rig) -> None:
    head = rig.append()
    async with rig.raw_client() as client:
        snapshot = await client.receive()
    assert snapshot.pop("server")["version"] == __version__
    assert [item["sessionId"] for item in snapshot.pop("sessions")] == [SESSION]
    assert snapshot == {"type": "snapshot", "agents": [], "headSeq": head, "epoch": rig.log.epoch}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("", "invalid JSON"),
        ("{", "invalid JSON"),
        ("nonsense", "invalid JSON"),
        ('{"type":"get_snapshot"} {}', "invalid JSON"),
        (b'{"type":"get_snapshot","id":"\xff"}', "invalid JSON"),
        ("null", "invalid message"),
        ("[]", "invalid message"),
        ("[" * 60_000, "invalid message"),
        ('{"type":"get_snapshot","x":' + "[" * 60_000, "invalid message"),
        ("{}", "invalid message"),
        ('{"type":"launch_missiles"}', "invalid message"),
        ('{"type":7}', "invalid message"),
        ('{"type":"subscribe"}', "invalid message"),
        ('{"type":"subscribe","topics":[]}', "invalid message"),
        ('{"type":"subscribe","topics":[""]}', "invalid message"),
        ('{"type":"subscribe","topics":"*"}', "invalid message"),
        ('{"type":"subscribe","topics":[1]}', "invalid message"),
        ('{"type":"subscribe","topics":["*"],"sessionId":7}', "invalid message"),
        ('{"type":"subscribe","topics":["*"],"sinceSeq":-1}', "invalid message"),
        ('{"type":"subscribe","topics":["*"],"batchMs":-1}', "invalid message"),
        ('{"type":"subscribe","topics":["*"],"batchMs":10001}', "invalid message"),
        (json.dumps({"type": "subscribe", "topics": ["a"] * 101}), "invalid message"),
        ('{"type":"unsubscribe","topics":null}', "invalid message"),
        ('{"type":"replay"}', "invalid message"),
        ('{"type":"replay","lastSeq":-1}', "invalid message"),
        ('{"type":"replay","lastSeq":1.5}', "invalid message"),
        ('{"type":"replay","lastSeq":1e999}', "invalid message"),
        ('{"type":"get_session_history"}', "invalid message"),
        ('{"type":"get_session_history","sessionId":"s","limit":-1}', "invalid message"),
        ('{"type":"get_session_history","sessionId":"s","limit":0}', "invalid message"),
        ('{"type":"get_usage","sessionId":{}}', "invalid message"),
        ('{"type":"subscribe_agent_log"}', "invalid message"),
        ('{"type":"get_snapshot","id":{"a":1}}', "invalid message"),
    ],
)
async def test_a_bad_message_gets_the_documented_error_and_nothing_else(rig: Rig, sent: str | bytes, code: str) -> None:
    async with rig.client() as client:
        await client.socket.send(sent)
        assert await client.receive() == {"type": "error", "error": code, "message": ERRORS[code]}
        assert await client.silent()


@pytest.mark.parametrize("given", ["a", 7, 1.5, "", "☃"])
async def test_a_request_id_comes_back_with_replies_and_errors(rig: Rig, given: Any) -> None:
    async with rig.client() as client:
        for message in (
            {"type": "get_snapshot"},
            {"type": "get_session_list"},
            {"type": "get_usage"},
            {"type": "get_session_history", "sessionId": "s"},
            {"type": "subscribe", "topics": ["a"]},
            {"type": "unsubscribe", "topics": ["a"]},
            {"type": "subscribe_agent_log", "sessionId": "s"},
            {"type": "unsubscribe_agent_log"},
            {"type": "nonsense"},
        ):
            assert (await client.ask(**message, id=given))["id"] == given


async def test_unknown_fields_are_ignored(rig: Rig) -> None:
    async with rig.client() as client:
        assert (await client.ask("get_usage", future=[1, {"a": None}]))["type"] == "usage"


# Topics


async def test_a_second_subscribe_adds_topics(rig: Rig) -> None:
    async with rig.client() as client:
        head = rig.log.head
        reply = await client.ask("subscribe", topics=["tool.use"])
        assert reply == {"type": "subscribed", "topics": ["tool.use"], "headSeq": head}
        reply = await client.ask("subscribe", topics=["session.*", "tool.use"])
        assert reply["topics"] == ["tool.use", "session.*"]
        seq = rig.append()
        assert (await client.receive())["seq"] == seq


async def test_events_that_nobody_asked_for_do_not_come(rig: Rig) -> None:
    async with rig.client("tool.*") as client, rig.client() as nothing:
        rig.append()
        assert await client.silent()
        assert await nothing.silent()


async def test_what_was_before_a_subscription_does_not_come_after_it(rig: Rig) -> None:
    async with rig.client() as client:
        await client.send("subscribe", topics=["*"])
        rig.append(name="before")
        reply = await client.receive()
        assert reply["headSeq"] == rig.log.head
        seq = rig.append(name="after")
        assert (await client.receive())["seq"] == seq


async def test_a_session_filter_belongs_to_the_topics_it_came_with(rig: Rig) -> None:
    async with rig.client() as client:
        await client.ask("subscribe", topics=["session.renamed"], sessionId="a")
        await client.ask("subscribe", topics=["cwd.changed"])
        rig.append("session.renamed", "b")
        other = rig.append("cwd.changed", "b", newCwd="/")
        mine = rig.append("session.renamed", "a")
        assert [(await client.receive())["seq"] for _ in range(2)] == [other, mine]
        assert await client.silent()


async def test_the_same_topic_again_replaces_its_sessions(rig: Rig) -> None:
    async with rig.client() as client:
        await client.ask("subscribe", topics=["session.renamed"], sessionId="a")
        await client.ask("subscribe", topics=["session.renamed"], sessionId=["b", "c"])
        rig.append("session.renamed", "a")
        seqs = [rig.append("session.renamed", name) for name in ("b", "c")]
        assert [(await client.receive())["seq"] for _ in seqs] == seqs
        await client.ask("subscribe", topics=["session.renamed"])
        seq = rig.append("session.renamed", "a")
        assert (await client.receive())["seq"] == seq


async def test_unsubscribing_leaves_the_others(rig: Rig) -> None:
    async with rig.client("session.*", "cwd.changed") as client:
        before = rig.append()
        await client.send("unsubscribe", topics=["session.*", "never.asked"])
        assert (await client.receive())["seq"] == before, "what is due goes out first"
        assert await client.receive() == {"type": "unsubscribed", "topics": ["cwd.changed"]}
        rig.append()
        seq = rig.append("cwd.changed", newCwd="/")
        assert (await client.receive())["seq"] == seq


async def test_the_201st_topic_is_over_the_limit_and_changes_nothing(rig: Rig) -> None:
    async with rig.client() as client:
        await client.ask("subscribe", topics=[f"a.{number}" for number in range(100)])
        reply = await client.ask("subscribe", topics=[f"a.{number}" for number in range(100, 200)])
        assert len(reply["topics"]) == 200
        error = await client.ask("subscribe", topics=["a.0", "session.*"], sessionId="s", sinceSeq=0, id=1)
        assert (error["error"], error["id"]) == ("limit_exceeded", 1)
        rig.append()
        assert await client.silent()
        assert len((await client.ask("subscribe", topics=["a.0"]))["topics"]) == 200


async def test_an_alias_has_its_own_sessions(rig: Rig) -> None:
    use: dict[str, Any] = {"toolName": "Bash", "toolUseId": "t", "input": {}, "inputSummary": "ls"}
    async with rig.client("tool.use") as client:
        await client.ask("subscribe", topics=["tool.started"], sessionId="a")
        for name in ("a", "b"):
            rig.append("tool.use", name, **use)
        got = [await client.receive() for _ in range(3)]
        assert [(event["type"], event["sessionId"]) for event in got] == [
            ("tool.use", "a"),
            ("tool.started", "a"),
            ("tool.use", "b"),
        ]


async def test_an_alias_comes_for_its_exact_name_only(rig: Rig) -> None:
    use: dict[str, Any] = {"toolName": "Bash", "toolUseId": "t", "input": {}, "inputSummary": "ls"}
    async with rig.client("*") as all_of_it, rig.client("tool.started") as old, rig.client() as both:
        await both.ask("subscribe", topics=["tool.started", "tool.use"])
        seq = rig.append("tool.use", **use)
        assert [(await both.receive())["type"] for _ in range(2)] == ["tool.use", "tool.started"]
        event = await old.receive()
        assert (event["type"], event["seq"], event["data"]) == ("tool.started", seq, use)
        assert (await all_of_it.receive())["type"] == "tool.use"
        for client in (all_of_it, old, both):
            assert await client.silent()


# Questions


async def test_the_session_list_has_the_ended_ones_when_asked(rig: Rig) -> None:
    rig.fake.ended = [session("gone")]
    async with rig.client() as client:
        short = await client.ask("get_session_list")
        long = await client.ask("get_session_list", all=True)
    assert [item["sessionId"] for item in short["sessions"]] == [SESSION]
    assert [item["sessionId"] for item in long["sessions"]] == [SESSION, "gone"]


async def test_usage_of_a_session_of_a_past_one_of_an_unknown_one_and_of_all(rig: Rig) -> None:
    async with rig.client() as client:
        assert (await client.ask("get_usage", sessionId=SESSION))["inputTokens"] == 3
        past = await client.ask("get_usage", sessionId=PAST, id="p")
        assert (past["type"], past["id"], past["sessionId"], past["inputTokens"]) == ("usage", "p", PAST, 5)
        assert (await client.ask("get_usage", sessionId="unknown"))["inputTokens"] == 0
        assert (await client.ask("get_usage"))["sessionCount"] == 1


async def test_how_the_service_is_and_what_the_doctor_finds(rig: Rig) -> None:
    async with rig.client() as client:
        status = await client.ask("get_status", id="s")
        assert (status["type"], status["id"], status["events"], status["store"]) == ("status", "s", 2, None)
        (finding,) = (await client.ask("get_findings"))["findings"]
        assert finding["mend"] == "claw-socket token rotate"


async def test_while_the_doctor_looks_other_questions_are_answered(rig: Rig) -> None:
    rig.fake.may_go.clear()
    async with rig.client() as client:
        await client.send("get_findings", id="slow")
        assert (await client.ask("get_status"))["type"] == "status"
        rig.fake.may_go.set()
        assert (await client.receive())["id"] == "slow"


async def test_a_report_of_usage_is_summed_up_as_asked_and_holds_nobody_up(rig: Rig) -> None:
    rig.fake.may_go.clear()
    async with rig.client() as client:
        await client.send("get_usage_report", by=["day", "model"], since="2026-11-01", id="r")
        assert (await client.ask("get_status"))["type"] == "status"
        rig.fake.may_go.set()
        report = await client.receive()
    assert (report["type"], report["id"], report["by"], report["since"]) == (
        "usage_report",
        "r",
        ["day", "model"],
        "2026-11-01",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"by": []},
        {"by": ["colour"]},
        {"by": "day"},
        {"by": ["day"], "since": "7d"},
        {"by": ["day"], "since": "2026-02-30"},
    ],
)
async def test_a_report_of_usage_that_nobody_can_make_is_refused(rig: Rig, fields: dict[str, Any]) -> None:
    async with rig.client() as client:
        reply = await client.ask("get_usage_report", id="r", **fields)
        assert (reply["error"], reply["id"]) == ("invalid message", "r")


async def test_a_report_of_usage_that_fails_is_an_error_and_no_end(rig: Rig) -> None:
    async with rig.client() as client:
        rig.fake.error = RequestError("failed", "the report could not be made")
        reply = await client.ask("get_usage_report", by=["day"], id="r")
        assert (reply["error"], reply["message"], reply["id"]) == ("failed", "the report could not be made", "r")
        rig.fake.error = None
        assert (await client.ask("get_status"))["type"] == "status"


async def test_a_history_is_the_last_events_of_a_session(rig: Rig) -> None:
    rig.fake.histories[SESSION] = [{"type": "message.user", "id": str(number)} for number in range(5)]
    async with rig.client() as client:
        reply = await client.ask("get_session_history", sessionId=SESSION, limit=2, before="x")
        assert reply == {
            "type": "session_history",
            "sessionId": SESSION,
            "events": [{"type": "message.user", "id": "3"}, {"type": "message.user", "id": "4"}],
            "more": True,
        }
        reply = await client.ask("get_session_history", sessionId="unknown")
        assert reply == {"type": "session_history", "sessionId": "unknown", "events": []}
        await client.ask("get_session_history", sessionId=SESSION, limit=10**15)
    assert rig.fake.asked == [(SESSION, 2, "x"), ("unknown", 1000, None), (SESSION, 10_000, None)]


async def test_two_histories_at_once_and_no_more(rig: Rig) -> None:
    rig.fake.may_go.clear()
    async with rig.client() as client:
        for number in range(3):
            await client.send("get_session_history", sessionId=SESSION, id=number)
        error = await client.receive()
        assert (error["error"], error["id"]) == ("rate_limited", 2)
        assert await client.silent(), "other questions are answered meanwhile"
        rig.fake.may_go.set()
        assert {(await client.receive())["id"] for _ in range(2)} == {0, 1}
        assert (await client.ask("get_session_history", sessionId=SESSION))["type"] == "session_history"


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ("get_session_history", {"sessionId": SESSION}),
        ("get_session_list", {"all": True}),
        ("get_usage_report", {"by": ["day"]}),
        ("get_findings", {}),
    ],
)
async def test_an_answer_that_fails_is_an_error_and_no_end(
    rig: Rig, caplog: pytest.LogCaptureFixture, asked: str, fields: dict[str, Any]
) -> None:
    async with rig.client("*") as client:
        rig.fake.error = OSError("secret path")
        reply = await client.ask(asked, id="r", **fields)
        assert reply == {"type": "error", "error": "failed", "message": ERRORS["failed"], "id": "r"}
        assert "secret path" in caplog.text
        rig.fake.error = None
        seq = rig.append()
        assert (await client.receive())["seq"] == seq


async def test_a_history_that_nobody_waits_for_any_more_is_dropped(rig: Rig) -> None:
    rig.fake.may_go.clear()
    async with rig.client() as client:
        await client.send("get_session_history", sessionId=SESSION)
        assert await client.silent()
        (task,) = next(iter(rig.server._hub.clients)).requests._answers
    async with asyncio.timeout(10):
        await asyncio.wait([task])
    assert task.cancelled()


# The cursor


async def test_replay_sends_what_was_subscribed_in_order_and_goes_on_live(rig: Rig) -> None:
    first = rig.append(name="old")
    async with rig.client("session.*") as client:
        rig.append("cwd.changed", newCwd="/")
        second = rig.append(name="seen")
        assert (await client.receive())["seq"] == second
        await client.send("replay", lastSeq=first - 1)
        assert [(await client.receive())["seq"] for _ in range(2)] == [first, second]
        third = rig.append(name="new")
        assert (await client.receive())["seq"] == third
        assert await client.silent()


@pytest.mark.parametrize("ahead", [0, 1, 10**12])
async def test_replay_of_nothing_is_nothing(rig: Rig, ahead: int) -> None:
    rig.append()
    async with rig.client("*") as client:
        await client.send("replay", lastSeq=rig.log.head + ahead)
        assert await client.silent()
        seq = rig.append()
        assert (await client.receive())["seq"] == seq


async def test_replay_without_topics_is_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, ring_events=1) as rig, rig.client() as client:
        rig.append()
        rig.append()
        await client.send("replay", lastSeq=0)
        assert await client.silent()


async def test_replay_from_zero_is_everything_and_no_gap(rig: Rig) -> None:
    seqs = [rig.append() for _ in range(3)]
    async with rig.client("*") as client:
        await client.send("replay", lastSeq=0)
        assert [(await client.receive())["seq"] for _ in seqs] == seqs


async def test_replay_of_what_is_no_longer_kept_begins_with_a_gap(tmp_path: Path) -> None:
    async with running(tmp_path, ring_events=2) as rig:
        seqs = [rig.append() for _ in range(5)]
        async with rig.client("*") as client:
            await client.send("replay", lastSeq=seqs[0])
            assert await client.receive() == {
                "type": "gap",
                "from": seqs[1],
                "to": seqs[2],
                "oldestSeq": seqs[3],
                "reason": "evicted",
            }
            assert [(await client.receive())["seq"] for _ in range(2)] == seqs[3:]
            assert await client.silent()


async def test_a_number_of_a_lost_log_is_a_gap_of_another_epoch(rig: Rig) -> None:
    seq = rig.append()
    async with rig.client("*") as client:
        await client.send("replay", lastSeq=1000)
        gap = await client.receive()
        assert (gap["reason"], gap["from"], gap["to"]) == ("epoch", 1001, seq - 1)
        assert (await client.receive())["seq"] == seq


async def test_the_cursor_is_set_back_once_a_second(rig: Rig) -> None:
    async with rig.client("*") as client:
        await client.send("replay", lastSeq=0)
        error = await client.ask("replay", lastSeq=0, id=1)
        assert (error["error"], error["id"]) == ("rate_limited", 1)
        error = await client.ask("subscribe", topics=["tool.*"], sinceSeq=0)
        assert error["error"] == "rate_limited"
        assert (await client.ask("subscribe", topics=["a"]))["topics"] == ["*", "a"], "and nothing was changed"
        await asyncio.sleep(1.05)
        assert (await client.ask("subscribe", topics=["tool.*"], sinceSeq=rig.log.head))["recovered"] is True


async def test_a_refused_subscribe_changes_nothing_of_the_connection(rig: Rig) -> None:
    async with rig.client("*") as client:
        await client.send("replay", lastSeq=0)
        error = await client.ask("subscribe", topics=["*"], sinceSeq=0, allOrNothing=True, batchMs=50)
        assert error["error"] == "rate_limited"
        seq = rig.append()
        assert (await client.receive())["seq"] == seq, "events come one by one"
        (connection,) = rig.server._hub.clients
        assert not connection.requests.all_or_nothing


async def test_a_start_without_a_gap(rig: Rig) -> None:
    async with rig.raw_client() as client:
        snapshot = await client.receive()
        seqs = [rig.append() for _ in range(3)]
        reply = await client.ask("subscribe", topics=["*"], sinceSeq=snapshot["headSeq"], epoch=snapshot["epoch"])
        assert reply == {
            "type": "subscribed",
            "topics": ["*"],
            "headSeq": seqs[-1],
            "recovered": True,
            "oldestSeq": seqs[0],
        }
        assert [(await client.receive())["seq"] for _ in seqs] == seqs


async def test_resuming_sets_the_one_cursor_back_for_all_topics(rig: Rig) -> None:
    async with rig.client("session.*") as client:
        seqs = [rig.append(), rig.append("cwd.changed", newCwd="/")]
        assert (await client.receive())["seq"] == seqs[0]
        await client.ask("subscribe", topics=["cwd.changed"], sinceSeq=seqs[0] - 1)
        assert [(await client.receive())["seq"] for _ in seqs] == seqs


async def test_resuming_with_another_epoch_is_a_gap_and_starts_at_the_oldest(rig: Rig) -> None:
    seqs = [rig.append() for _ in range(3)]
    async with rig.client() as client:
        reply = await client.ask("subscribe", topics=["*"], sinceSeq=seqs[1], epoch="another")
        assert (reply["recovered"], reply["oldestSeq"]) == (False, seqs[0])
        gap = await client.receive()
        assert (gap["type"], gap["reason"]) == ("gap", "epoch")
        assert rig.server._hub.fanout.gaps == 0, "what is of another log is not gone from this one"
        assert [(await client.receive())["seq"] for _ in seqs] == seqs


async def test_resuming_from_the_future_starts_at_the_oldest(rig: Rig) -> None:
    seqs = [rig.append() for _ in range(2)]
    async with rig.client() as client:
        reply = await client.ask("subscribe", topics=["*"], sinceSeq=seqs[-1] + 5, epoch=rig.log.epoch)
        assert reply["recovered"] is False
        gap = await client.receive()
        assert (gap["reason"], gap["from"], gap["to"]) == ("epoch", seqs[0] - 1, seqs[0] - 1)
        assert [(await client.receive())["seq"] for _ in seqs] == seqs


async def test_resuming_too_late_is_a_gap(tmp_path: Path) -> None:
    async with running(tmp_path, ring_events=2) as rig, rig.client() as client:
        seqs = [rig.append() for _ in range(5)]
        reply = await client.ask("subscribe", topics=["*"], sinceSeq=seqs[1], epoch=rig.log.epoch)
        assert (reply["recovered"], reply["oldestSeq"]) == (False, seqs[3])
        gap = await client.receive()
        assert (gap["reason"], gap["from"], gap["to"]) == ("evicted", seqs[2], seqs[2])
        assert rig.server._hub.fanout.gaps == 1, "and it is counted"
        assert [(await client.receive())["seq"] for _ in range(2)] == seqs[3:]


async def test_who_wants_all_or_nothing_is_closed_where_something_was_lost_and_goes_on_behind_it(rig: Rig) -> None:
    seen = rig.append()
    async with rig.client() as live, rig.client() as other:
        await live.ask("subscribe", topics=["*"], allOrNothing=True)
        await other.ask("subscribe", topics=["*"])
        lost = rig.log.lose("source")
        assert (await live.closed())[0] == 4408
        assert (await other.receive())["type"] == "gap"
    async with rig.client() as late:
        reply = await late.ask("subscribe", topics=["*"], sinceSeq=seen, allOrNothing=True)
        assert reply["recovered"] is False
        assert (await late.closed())[0] == 4408
    async with rig.client() as new:
        reply = await new.ask("subscribe", topics=["*"], sinceSeq=lost, allOrNothing=True)
        assert reply["recovered"] is True
        seq = rig.append()
        assert (await new.receive())["seq"] == seq


async def test_what_is_asked_for_when_all_or_nothing_ends_is_not_begun(rig: Rig) -> None:
    async with rig.client() as client:
        await client.ask("subscribe", topics=["*"], allOrNothing=True)
        (connection,) = rig.server._hub.clients
        rig.log.lose("source")
        connection.requests.handle(b'{"type":"subscribe_agent_log","sessionId":"s"}')
        connection.requests.handle(b'{"type":"get_session_history","sessionId":"s"}')
        assert (await client.closed())[0] == 4408
    assert rig.server._hub.agent_logs._followers == {}, "nobody would take them away"
    assert rig.fake.asked == []


async def test_at_the_very_edge_of_what_is_kept_nothing_is_missing(tmp_path: Path) -> None:
    async with running(tmp_path, ring_events=2) as rig, rig.client() as client:
        seqs = [rig.append() for _ in range(5)]
        reply = await client.ask("subscribe", topics=["*"], sinceSeq=seqs[2])
        assert reply["recovered"] is True
        assert [(await client.receive())["seq"] for _ in range(2)] == seqs[3:]
