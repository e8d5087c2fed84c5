"""A session's page: its conversation as it goes, and a timeline of who did what when."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.feed import session_file
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.web.dashboard import dashboard, read_out
from tests.web.stage import Scene, long_conversation, scene

RECORDINGS = Path(__file__).parents[1] / "recordings"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202egnp.\x1b[31mred\x1b[0m\u200b"
MARKDOWN = """# Plan

It is *not* **slow** in `parse()`, see [the docs](https://docs.example.org/x), [this](javascript:alert(1)) and
https://example.com/a_b.

- first
  - within
- last

```python
x = "<b>&amp;</b>"
```

| file | lines |
|---|---:|
| `a.py` | 120 |
"""

RENDER = """text => import("/app/markdown.js").then(({ markdown }) => {
    const began = performance.now();
    const made = markdown(text);
    const took = performance.now() - began;
    const all = document.createElement("div");
    all.append(made);
    return [took, all.querySelectorAll("*").length, all.textContent.length];
})"""

MARKS = "(document.querySelector('claw-timeline')?.marks ?? [])"
PIXEL = """({ x, y }) => {
    const canvas = document.querySelector(".time-canvas");
    const ratio = canvas.width / canvas.clientWidth;
    const copy = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }); // else Chromium warns
    copy.drawImage(canvas, x * ratio, y * ratio, 1, 1, 0, 0, 1, 1);
    return [...copy.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}"""
RANGE = "(({ from, to }) => [from, to])(document.querySelector('claw-timeline').range)"
LIST = "document.querySelector('long-list')"


def opened(browser: Browser, service: Service, session: str, query: str = "", **options: Any) -> Any:
    """Open the page of a session, for a with block."""
    return dashboard(browser, service, f"#/session/{session}{query}", **options)


@pytest.fixture
def one(service: Service) -> Iterator[Scene]:
    with scene(service, "parser-12") as made:
        yield made


def rows(page: Page, kind: str) -> Locator:
    return page.locator(f'long-list article[data-kind="{kind}"]')


def marks(page: Page, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(f"{MARKS}.filter((mark) => mark.kind === '{kind}')")
    return found


def recorded(service: Service, scenario: str) -> str:
    """Have a recorded run on disk as a session that is over; return its id."""
    projects = RECORDINGS / scenario / "projects"
    shutil.copytree(projects, service.home / ".claude" / "projects", dirs_exist_ok=True)
    return next(path.stem for path in projects.glob("*/*.jsonl"))


def history(service: Service, session: str) -> list[dict[str, Any]]:
    with service.connect() as client:
        events: list[dict[str, Any]] = client.ask("get_session_history", sessionId=session)["events"]
        return events


def known(service: Service, session: str) -> None:
    """Wait until a service has the transcript."""
    with service.connect() as client:
        wait_for(lambda: client.ask("get_session_history", sessionId=session, limit=1)["events"], "the transcript")


# The conversation


def test_a_conversation_is_shown_as_it_goes(browser: Browser, service: Service, one: Scene) -> None:
    with opened(browser, service, one.id) as (page, _):
        one.main.prompt("Why is it slow?")
        expect(rows(page, "prompt")).to_contain_text("Why is it slow?")
        one.main.think("Where would it be?")
        expect(rows(page, "thinking").locator("summary")).to_contain_text("Where would it be?")
        call = one.main.call("Bash", command="make profile", description="Measure")
        tool = rows(page, "tool")
        expect(tool).to_have_attribute("data-outcome", "running")
        one.main.done(call, "Bash", "3 s in tokenize")
        expect(tool).to_have_attribute("data-outcome", "ok")
        expect(tool.locator(".tool-time")).to_have_text("40 ms")
        expect(tool.locator(".tool-inside")).to_be_empty()
        tool.locator("summary").click()
        expect(tool.locator(".tool-inside")).to_contain_text("make profile")
        expect(tool.locator(".tool-inside")).to_contain_text("3 s in tokenize")
        one.idle("It is the tokens.")
        expect(rows(page, "answer")).to_contain_text("It is the tokens.")
        expect(rows(page, "turn")).to_contain_text("Turn ended")
        expect(page.locator(".session-state")).to_contain_text("idle")


def test_the_end_of_a_turn_has_the_number_of_its_calls(browser: Browser, service: Service) -> None:
    session = recorded(service, "d_parallel")
    known(service, session)
    with opened(browser, service, session) as (page, _):
        expect(rows(page, "turn")).to_contain_text(" · 3 calls · ")


def test_of_what_a_task_tells_its_summary_is_shown(browser: Browser, service: Service, one: Scene) -> None:
    told = "<task-id>bx1</task-id>\n<output-file>/tmp/bx1.output</output-file>\n<summary>Tests are done</summary>"
    with opened(browser, service, one.id) as (page, _):
        one.main.prompt(f"<task-notification>\n{told}\n</task-notification>")
        expect(rows(page, "note").locator("summary")).to_have_text("A task tellsTests are done")


AT_REST = '<teammate-message>\n{"type":"idle_notification","result":"Done_it."}\n</teammate-message>'


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ('<cross-session-message from="uds:/1.sock" from-name="app">\nLook!\n</cross-session-message>', "appLook!"),
        (f'<teammate-message teammate_id="al">\nI looked.\n</teammate-message>\n\n{AT_REST}', "alI looked. · Done_it."),
        ('<teammate-message teammate_id="al">\n{"type":"plan_approved"}\n</teammate-message>', "alplan approved"),
        ('<teammate-message>\n{"type":"x_y","result":{"a":1}}\n</teammate-message>', "somebodyx y"),
        ('<teammate-message>\n{"type":5}\n</teammate-message>', 'somebody{"type":5}'),
    ],
)
def test_of_what_another_session_says_is_shown_who_and_what(
    browser: Browser, service: Service, one: Scene, told: str, shown: str
) -> None:
    with opened(browser, service, one.id) as (page, _):
        one.main.prompt(f"Another Claude session sent a message:\n{told}\n\nThis came from another Claude session.")
        expect(rows(page, "note").locator("summary")).to_have_text(f"Message from {shown}")


def test_markdown_is_rendered_as_elements_and_links_lead_to_the_web_alone(
    browser: Browser, service: Service, one: Scene
) -> None:
    with opened(browser, service, one.id) as (page, _):
        one.main.say(MARKDOWN)
        answer = rows(page, "answer")
        expect(answer.locator(".md-head-1")).to_have_text("Plan")
        expect(answer.locator("em")).to_have_text("not")
        expect(answer.locator("strong")).to_have_text("slow")
        expect(answer.locator("li li")).to_have_text("within")
        expect(answer.locator("pre code")).to_have_text('x = "<b>&amp;</b>"')
        expect(answer.locator("td").last).to_have_text("120")
        links = answer.locator("a").evaluate_all("all => all.map((one) => [one.getAttribute('href'), one.rel])")
        safe = "noopener noreferrer"
        assert links == [["https://docs.example.org/x", safe], ["https://example.com/a_b", safe]]
        expect(answer).to_contain_text("[this](javascript:alert(1))")


LINKS = (
    """texts => import("/app/markdown.js").then(({ markdown }) => texts.map((text) => markdown(text).textContent))"""
)


def test_a_link_names_the_host_it_leads_to_unless_its_text_is_an_address_there(
    browser: Browser, service: Service
) -> None:
    there, here = "evil.example", "https://bank.example"
    texts = {
        f"[docs](https://{there}/z)": f"docs ({there})",
        f"[bank {there}](https://{there}/z)": f"bank {there} ({there})",
        f"[{here}/?{there}](https://{there}/z)": f"{here}/?{there} ({there})",
        f"[{here}@{there}/](https://{there}/z)": f"{here}@{there}/ ({there})",
        f"{here}@{there}/": f"{here}@{there}/ ({there})",
        f"[{here}/a]({here}/b)": f"{here}/a",
        f"see {here}/b.": f"see {here}/b.",
    }
    with dashboard(browser, service) as (page, _):
        assert page.evaluate(LINKS, list(texts)) == list(texts.values())


def test_hostile_markdown_is_bounded_work(browser: Browser, service: Service) -> None:
    texts = [
        "[" * 12_000,
        "**a " * 3000,
        "*a_b" * 3000,
        "> " * 6000,
        "- " * 6000,
        "`" * 12_000,
        "|" * 5000 + "\n" + "|-" * 3000,
        "# " + " " * 12_000 + "x",
        "\n".join(" " * (n % 60) + "- x" for n in range(2000)),
        "http" * 3000,
        "~~~" * 4000,
    ]
    with dashboard(browser, service) as (page, _):
        for text in texts:
            took, nodes, shown = page.evaluate(RENDER, text)
            assert took < 1000, f"ms, for {text[:6]!r}: it takes a few; more would be a square of its length"
            assert nodes < 10_000, text[:6]
            assert shown <= len(text), text[:6]


def test_hostile_text_is_shown_as_text_and_harms_nothing(browser: Browser, service: Service, one: Scene) -> None:
    huge = "x" * 5_000_000
    with opened(browser, service, one.id) as (page, watched):
        one.main.prompt(HOSTILE)
        one.main.say(HOSTILE)
        call = one.main.call("Bash", command=HOSTILE, description=HOSTILE)
        one.main.done(call, "Bash", HOSTILE)
        one.main.say(huge)
        one.main.prompt(huge)
        expect(rows(page, "prompt").last.get_by_role("button")).to_contain_text("Show more")
        rows(page, "tool").locator("summary").click()
        expect(page.locator(".tool-inside")).to_contain_text("Output")
        shown = page.locator("long-list").inner_text()
        assert shown.count("<script>alert(2)</script>") >= 4
        assert not set("\u202e\x1b\u200b") & set(shown)
        assert "⟨U+202E⟩" in shown
        assert page.evaluate(f"{LIST}.querySelectorAll('img, script').length") == 0
        rows(page, "prompt").last.get_by_role("button").click()
        expect(rows(page, "prompt").last).to_contain_text("characters are left")
        assert len(page.locator("long-list").inner_text()) < 100_000
        watched.assert_clean()


def test_contents_are_hidden_while_others_look_on(browser: Browser, service: Service, one: Scene) -> None:
    with opened(browser, service, one.id) as (page, _):
        one.main.prompt("secret one")
        one.main.say("secret two")
        one.main.think("secret three")
        call = one.main.call("Bash", command="secret four")
        one.main.done(call, "Bash", "secret five")
        rows(page, "tool").locator("summary").click()
        expect(page.locator(".tool-inside")).to_contain_text("secret five")
        assert "secret" in page.locator("body").inner_text()
        page.evaluate("import('/app/options.js').then(({ options }) => options.set('hide', true))")
        expect(rows(page, "prompt").locator(".content")).to_be_hidden()
        assert "secret" not in page.locator("body").inner_text()
        titles = page.evaluate(
            "[...document.querySelectorAll('[title], [aria-label]')].map((one) => one.title + one.ariaLabel)"
        )
        assert not [one for one in titles if "secret" in one]


PLAIN = """() => {
    const body = document.body.cloneNode(true);
    for (const one of body.querySelectorAll(".content, [hidden]")) one.remove();
    return body.innerHTML;
}"""
"""All that the page shows, but for what a style hides with the contents."""


def test_what_a_subagent_was_asked_is_hidden_with_the_contents(browser: Browser, service: Service, one: Scene) -> None:
    with opened(browser, service, one.id, "?agent=*") as (page, _):
        one.main.prompt("go")
        call = one.main.call("Agent", subagent_type="Explore", prompt="find")
        agent = one.agent(call, "secret of the agent")
        agent.done(agent.call("Grep", pattern="parse"), "Grep")
        page.get_by_text("As a table").click()
        names = [
            page.locator("long-list .row-agent").last,
            page.locator(".time-name").last,
            page.locator(".time-table td:first-child").last,
            page.get_by_label("Whose", exact=True).locator("option").last,
            page.locator(".time-tip .soft"),
            page.locator("claw-timeline [aria-live]"),
        ]

        def step() -> None:
            page.locator(".time-canvas").focus()
            for _ in range(3):
                page.keyboard.press(".")

        def hide(value: bool) -> None:
            page.evaluate("async (value) => (await import('/app/options.js')).options.set('hide', value)", value)

        wait_for(lambda: len(marks(page, "tool")) == 2, "the bars")
        step()
        for name in names:
            expect(name).to_contain_text("Explore: secret of the agent")
        hide(True)
        expect(names[0]).to_have_text("Explore")
        expect(names[1]).to_have_text("Explore")
        assert "secret" not in page.evaluate(PLAIN)
        step()
        for name in names:
            expect(name).to_contain_text("Explore")
            expect(name).not_to_contain_text("secret")
        hide(False)
        for name in names[:4]:
            expect(name).to_have_text("Explore: secret of the agent")


def test_errors_interruption_compaction_and_a_killed_process_are_told(browser: Browser, service: Service) -> None:
    with scene(service) as one, opened(browser, service, one.id) as (page, _):
        one.main.prompt("go")
        one.fail("API Error: 529 overloaded")
        expect(rows(page, "error")).to_contain_text("The API refused (529)")
        expect(rows(page, "answer")).to_have_count(0)
        one.main.prompt("again")
        call = one.main.call("Bash", command="make")
        result = {
            "type": "tool_result",
            "tool_use_id": call,
            "content": "[Request interrupted by user for tool use]",
            "is_error": True,
        }
        one.main.line("user", {"role": "user", "content": [result]}, toolUseResult="User rejected tool use")
        one.main.line(
            "user",
            {"role": "user", "content": [{"type": "text", "text": "[Request interrupted by user for tool use]"}]},
        )
        expect(rows(page, "turn").last).to_contain_text("Interrupted")
        expect(rows(page, "tool")).not_to_have_attribute("data-outcome", "running")
        more = {
            "subtype": "compact_boundary",
            "compactMetadata": {"trigger": "manual"},
            "content": "Conversation compacted",
        }
        one.main.line("system", {}, **more)
        expect(rows(page, "compacted")).to_contain_text("Compacted")
        one.main.prompt("once more")
        one.main.call("Bash", command="sleep 1000")
        expect(rows(page, "tool").last).to_have_attribute("data-outcome", "running")
        os.kill(one.pid, signal.SIGKILL)
        expect(page.locator(".session-state")).to_contain_text("ended", timeout=15_000)
        expect(rows(page, "tool").last).to_have_attribute("data-outcome", "interrupted")
        expect(rows(page, "life").last).to_contain_text("process")


def test_a_session_in_the_background_says_how_to_answer_it(browser: Browser, service: Service, one: Scene) -> None:
    one.main.prompt("go")
    one.main.ask("Bash", command="rm -rf build")
    with opened(browser, service, one.id) as (page, _):
        expect(page.locator(".session-call")).to_contain_text("Answer in its terminal")
        one.status("waiting", waitingFor="permission prompt", kind="bg", jobId="0bb6202d")
        page.reload()
        expect(page.locator(".session-call")).to_contain_text("Answer with: claude attach 0bb6202d")
        expect(page.locator(".session-facts")).to_contain_text("in the background: 0bb6202d")
        page.goto(page.url.split("#")[0] + "#/now")
        facts = page.locator(f'claw-card[data-session="{one.id}"] .card-facts')
        expect(facts).to_contain_text("in the background")
        expect(facts).to_have_attribute("title", "claude attach 0bb6202d")


def test_a_question_for_permission_stands_at_its_call_and_in_the_timeline(
    browser: Browser, service: Service, one: Scene
) -> None:
    one.main.prompt("go")
    call = one.main.ask("Bash", command="rm -rf build")
    with opened(browser, service, one.id) as (page, _):
        tool = rows(page, "tool")
        expect(tool).to_have_attribute("data-outcome", "waits")
        expect(tool.locator(".tool-outcome")).to_have_text("waits for you")
        expect(page.locator(".session-call")).to_contain_text("Bash asks for permission")
        wait_for(
            lambda: page.evaluate(f"{MARKS}.some((mark) => mark.kind === 'wait' && mark.until === undefined)"),
            "the wait",
        )
        one.status("busy")
        one.main.done(call, "Bash")
        expect(tool).to_have_attribute("data-outcome", "ok")
        expect(page.locator(".session-call")).to_be_hidden()
        wait_for(
            lambda: page.evaluate(f"{MARKS}.some((mark) => mark.kind === 'wait' && mark.until > mark.from)"), "its end"
        )
        page.reload()
        tool.locator("summary").click()
        expect(page.locator(".tool-inside")).to_contain_text("Asked for permission at")
        assert marks(page, "wait")[0]["until"] > marks(page, "wait")[0]["from"], "the log told of it"


def test_a_session_that_ends_is_over_since_then(browser: Browser, service: Service) -> None:
    with ExitStack() as stack, scene(service) as other, opened(browser, service, other.id) as (page, _):
        one = stack.enter_context(scene(service))
        one.main.prompt("go")
        one.idle()
        page.evaluate("place => { location.hash = place }", f"#/session/{one.id}")
        expect(page.locator(".session-state")).to_contain_text("idle")
        one.hook("SessionEnd", reason="prompt_input_exit")
        stack.close()
        expect(page.locator(".session-state")).to_contain_text("ended")
        ended = rows(page, "life").filter(has_text="Ended by its owner").locator("time").get_attribute("datetime")
        expect(page.locator(".session-state time")).to_have_attribute("datetime", str(ended))


def test_cleared_sessions_lead_to_the_one_that_goes_on(browser: Browser, service: Service, one: Scene) -> None:
    with opened(browser, service, one.id) as (page, _):
        one.main.prompt("go")
        expect(rows(page, "prompt")).to_be_visible()
        next_id = str(uuid.uuid4())
        one.hook("SessionEnd", reason="clear")
        one._rewrite(sessionId=next_id)
        link = rows(page, "life").get_by_role("link", name="It goes on here")
        expect(link).to_have_attribute("href", f"#/session/{next_id}", timeout=15_000)
        link.click()
        page.wait_for_url(f"**#/session/{next_id}")


@pytest.mark.parametrize("order", ["first", "last"])
def test_a_session_that_moved_to_the_background_leads_to_where_it_goes_on(
    browser: Browser, service: Service, one: Scene, order: str
) -> None:
    with ExitStack() as stack:
        page, _ = stack.enter_context(opened(browser, service, one.id))
        one.main.prompt("go")
        expect(rows(page, "prompt")).to_be_visible()

        def move() -> None:
            one.status("busy", parkedJobId="0bb6202d")
            expect(rows(page, "life").last).to_contain_text("Moved to the background", timeout=15_000)

        if order == "last":
            move()
        other = str(uuid.uuid4())
        stack.enter_context(session_file(service.home, other, "busy", kind="bg", jobId="0bb6202d"))
        if order == "first":
            move()
        link = rows(page, "life").get_by_role("link", name="It goes on here")
        expect(link).to_have_attribute("href", f"#/session/{other}", timeout=15_000)


def test_what_is_displayed_is_shown_before_it_is_told(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Service(tmp_path_factory.mktemp("home"), "--set", "stream=true") as service:
        service.wait_for_hooks()
        with scene(service) as one, opened(browser, service, one.id) as (page, _):
            one.main.prompt("go")
            expect(rows(page, "prompt")).to_be_visible()  # what was displayed before is told with its answer
            fields = {"turn_id": "t", "message_id": "m"}
            one.hook("MessageDisplay", index=0, final=False, delta="It comes ", **fields)
            one.hook("MessageDisplay", index=1, final=False, delta="in **pieces**.", **fields)
            expect(rows(page, "live").locator(".row-body")).to_have_text("It comes in pieces.")
            one.main.say("It comes in **pieces**.")
            expect(rows(page, "answer")).to_contain_text("It comes in pieces.")
            expect(rows(page, "live")).to_have_count(0)


# Agents, and the timeline


def test_two_parallel_subagents_stand_in_two_lanes_with_the_right_durations(browser: Browser, service: Service) -> None:
    session = recorded(service, "f2_subagents_parallel")
    known(service, session)
    events = history(service, session)
    uses = {one["data"]["toolUseId"]: one for one in events if one["type"] == "tool.use"}
    results = {one["data"]["toolUseId"]: one for one in events if one["type"] == "tool.result"}
    agents = [one["agentId"] for one in events if one["type"] == "agent.started"]
    with opened(browser, service, session) as (page, _):
        wait_for(lambda: len(marks(page, "tool")) == len(uses), "the bars")
        bars = marks(page, "tool")
        began, ended = page.evaluate(RANGE)
        width = page.evaluate("document.querySelector('.time-canvas').clientWidth") / (ended - began)
        for bar in bars:
            use, result = uses[bar["key"]], results[bar["key"]]
            assert (bar["from"], bar["until"]) == (use["timestamp"], result["timestamp"])
            assert bar["agent"] == use.get("agentId", "")
            assert bar["durationMs"] == result["data"]["durationMs"]
            assert bar["width"] == pytest.approx((bar["until"] - bar["from"]) * width, abs=1)
        lanes = {agent: {round(bar["top"]) for bar in bars if bar["agent"] == agent} for agent in agents}
        assert len({min(tops) for tops in lanes.values()}) == 2, "each has a lane of its own"
        first, second = ([bar for bar in bars if bar["agent"] == agent] for agent in agents)
        assert any(a["from"] < b["until"] and b["from"] < a["until"] for a in first for b in second), "at the same time"
        expect(page.locator(".time-name")).to_have_text(["main", "general-purpose: Count lines", "Explore: Find hello"])
        page.get_by_text("As a table").click()
        told = page.locator(".time-table tbody tr").all_inner_texts()
        assert len(told) == len(uses)
        assert "Explore: Find hello\tRead\t" in "\n".join(told)


def test_subagents_are_inside_of_their_call_or_apart(browser: Browser, service: Service, one: Scene) -> None:
    one.main.prompt("go")
    call = one.main.call("Agent", description="Find callers", prompt="find", subagent_type="Explore")
    agent = one.agent(call, "Find callers")
    inner = agent.call("Grep", pattern="parse")
    agent.done(inner, "Grep", "3 matches")
    with opened(browser, service, one.id) as (page, _):
        group = page.locator(".agent-group")
        expect(group.locator("summary").first).to_contain_text("1 call")
        expect(rows(page, "tool")).to_have_count(1)
        group.locator("summary").first.click()
        expect(group.locator("article .tool-name")).to_have_text("Grep")
        agent.call("Read", file_path="/x")
        expect(group.locator("article .tool-name")).to_have_text(["Grep", "Read"])
        page.get_by_label("Whose", exact=True).select_option("*")
        expect(page.locator("long-list .tool-name")).to_have_text(["Agent", "Grep", "Read"])
        assert "agent=*" in page.url
        page.locator(".time-name").last.click()
        expect(page.locator("long-list .tool-name")).to_have_text(["Grep", "Read"])
        assert f"agent={agent.id}" in page.url


def test_long_names_leave_the_head_in_its_lines(browser: Browser, service: Service) -> None:
    with (
        scene(service, cwd=f"/home/dev/{'a-long-name-' * 8}", branch="a-branch-" * 7) as one,
        opened(browser, service, one.id, viewport={"width": 1280, "height": 900}) as (page, _),
    ):
        one.main.prompt("go")
        one.agent(one.main.call("Agent", description="Look"), "Find all that is there, and tell of it at length. " * 4)
        expect(page.locator(".session-agents select")).to_be_visible()
        expect(page.locator(".session-facts")).to_contain_text("a-branch")
        chosen = boxed(page, ".session-agents select")
        assert chosen["top"] < boxed(page, ".session-facts")["bottom"], "beside what is told of the session"
        assert chosen["right"] == pytest.approx(boxed(page, ".session-head")["right"], abs=1)
        page.set_viewport_size({"width": 390, "height": 900})
        title = boxed(page, ".session-title")
        assert title["top"] < boxed(page, ".session-line .dot")["top"] < title["bottom"], "beside its mark"


def boxed(page: Page, selector: str) -> dict[str, float]:
    """Where an element is."""
    found: dict[str, float] = page.locator(selector).evaluate("one => one.getBoundingClientRect().toJSON()")
    return found


def test_a_bar_says_what_it_is_and_leads_to_its_call(browser: Browser, service: Service) -> None:
    session = recorded(service, "f2_subagents_parallel")
    known(service, session)
    with opened(browser, service, session) as (page, _):
        wait_for(lambda: len(marks(page, "tool")) == 5, "the bars")
        bar = next(one for one in marks(page, "tool") if one["name"] == "Read")
        box = page.locator(".time-canvas").bounding_box()
        assert box is not None
        place = (box["x"] + bar["x"] + bar["width"] / 2, box["y"] + bar["top"] + bar["height"] / 2)
        page.mouse.move(*place)
        tip = page.locator(".time-tip")
        expect(tip).to_contain_text("Read 281 ms · done")
        expect(tip).to_contain_text("main.py")
        page.mouse.click(*place)
        found = page.locator(f'article[data-key="{bar["key"]}"]')
        expect(found).to_be_focused()
        expect(found).to_be_in_viewport()
        assert f"at={bar['key']}" in page.url
        page.reload()
        expect(found).to_be_in_viewport()
        expect(found.locator(".tool-inside")).to_contain_text("main.py")


@pytest.mark.parametrize(("scheme", "colour"), [("light", [0x3D, 0x6F, 0xC0]), ("dark", [0x7A, 0xA5, 0xE8])])
def test_the_timeline_has_the_colours_of_the_style_sheet(
    browser: Browser, service: Service, scheme: Literal["light", "dark"], colour: list[int]
) -> None:
    session = recorded(service, "f2_subagents_parallel")
    known(service, session)
    with opened(browser, service, session) as (page, _):
        wait_for(lambda: marks(page, "tool"), "the bars")
        page.emulate_media(color_scheme=scheme)
        bar = next(one for one in marks(page, "tool") if one.get("outcome") == "ok")
        place = {"x": bar["x"] + bar["width"] / 2, "y": bar["top"] + 2}  # above its name
        wait_for(lambda: page.evaluate(PIXEL, place) == colour, f"a bar in {colour}")


def test_the_timeline_is_zoomed_and_moved_by_mouse_and_keys(browser: Browser, service: Service) -> None:
    session = recorded(service, "f2_subagents_parallel")
    known(service, session)
    with opened(browser, service, session) as (page, _):
        wait_for(lambda: marks(page, "tool"), "the bars")
        canvas = page.locator(".time-canvas")
        box = canvas.bounding_box()
        assert box is not None
        before = page.evaluate(RANGE)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
        page.mouse.wheel(0, -400)
        wait_for(lambda: page.evaluate(RANGE)[1] - page.evaluate(RANGE)[0] < before[1] - before[0], "a closer look")
        near = page.evaluate(RANGE)
        assert before[0] < near[0] < near[1] < before[1], "around the pointer"
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 100, box["y"] + 30, steps=4)
        page.mouse.up()
        moved = page.evaluate(RANGE)
        assert moved[0] < near[0]
        assert moved[1] - moved[0] == pytest.approx(near[1] - near[0], abs=1)
        page.wait_for_url(f"**from={round(moved[0])}&to={round(moved[1])}*")
        page.reload()
        wait_for(lambda: marks(page, "tool"), "the bars again")
        assert page.evaluate(RANGE) == pytest.approx(moved, abs=1)
        canvas.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate(RANGE)[0] > moved[0]
        page.keyboard.press("End")
        assert page.evaluate(RANGE) == pytest.approx(before)
        page.keyboard.press(".")
        expect(page.locator("claw-timeline [aria-live]")).to_contain_text("Agent")
        spoken = read_out(page, "claw-timeline [aria-live]")
        for _ in range(6):
            page.keyboard.press(".")
        assert len(spoken()) == 6, "at the last call, too"
        page.keyboard.press("Enter")
        expect(page.locator("article:focus")).to_be_in_viewport()


# Long histories


def test_one_scrolls_back_to_the_very_first_event_and_nothing_jumps(browser: Browser, service: Service) -> None:
    session = long_conversation(service.home, 700)
    known(service, session)
    top = f"(list => [list.topRow.key, list.element(list.topRow.key).getBoundingClientRect().top])({LIST})"
    with opened(browser, service, session) as (page, _):
        expect(rows(page, "answer").last).to_contain_text("answer 699")
        page.locator("long-list").hover()
        for _ in range(400):
            page.mouse.wheel(0, -700)
            key, at = page.evaluate(top)
            page.evaluate("new Promise((done) => setTimeout(done, 30))")
            after = page.evaluate(f"{LIST}.element({json.dumps(key)})?.getBoundingClientRect().top")
            assert after is None or after >= at - 1, "it only moves as it is scrolled"
            if (
                page.locator("view-session").get_attribute("data-begin") == "true"
                and page.evaluate(f"{LIST}.scrollTop") == 0
            ):
                break
        expect(page.get_by_text("prompt 0", exact=True)).to_be_in_viewport()
        assert page.evaluate("document.querySelectorAll('long-list article').length") < 300
        page.locator("long-list").focus()
        page.keyboard.press("End")
        expect(page.get_by_text("answer 699")).to_be_in_viewport()


KNOWN = """async () => {
    const [{ Telling }, { Story }, { store }] =
        await Promise.all(["telling", "story", "store"].map((name) => import(`/app/${name}.js`)));
    const agents = [["a1", "s"], ["a2", "another"]].map(([agentId, sessionId]) => ({
        agentId, sessionId, agentType: "Explore", description: agentId, status: "offline", lastActivityAt: 30,
    }));
    const said = (agentId, timestamp) => ({
        type: "message.assistant", id: `${agentId} ${timestamp}`, timestamp, agentId, source: "transcript",
        data: { contentBlocks: [{ type: "text", text: "x" }] },
    });
    const stream = { snapshot: { agents }, open: async () => {}, close() {}, async *[Symbol.asyncIterator]() {} };
    store.claw = { events: () => stream, history: async () => [said("a1", 10), said("a2", 20)] };
    const story = new Story();
    const telling = new Telling(story, "s", () => {});
    await telling.open();
    telling.close();
    return [...story.agents.values()].map(({ id, type, until }) => [id, type, until ?? null]);
}"""


def test_what_began_before_all_that_was_read_has_the_type_that_the_service_knows(
    browser: Browser, service: Service
) -> None:
    with dashboard(browser, service) as (page, _):
        assert page.evaluate(KNOWN) == [["a1", "Explore", 30], ["a2", "", None]]


TOLD_AGAIN = """async (pages) => {
    const [{ Telling }, { Story }, { store }] =
        await Promise.all(["telling", "story", "store"].map((name) => import(`/app/${name}.js`)));
    const answer = (id, timestamp) => ({
        type: "message.assistant", id, timestamp, source: "transcript",
        data: { contentBlocks: [{ type: "text", text: id }] },
    });
    const told = [];
    let tell;
    const stream = {
        snapshot: { agents: [] },
        open: async () => {},
        close() {},
        async *[Symbol.asyncIterator]() {
            for (;;) {
                await new Promise((resolve) => (tell = resolve));
                yield* told.splice(0);
            }
        },
    };
    const history = async () => pages.shift().map(([id, timestamp]) => answer(id, timestamp));
    store.claw = { events: () => stream, history };
    const story = new Story();
    const telling = new Telling(story, "s", () => {});
    const turn = () => new Promise((resolve) => setTimeout(resolve));
    await telling.open();
    while (tell === undefined) await turn();
    told.push(answer("of the page before", 10), answer("new", 20));
    tell();
    for (let turns = 0; turns < 100 && !story.items.has("new"); turns++) await turn();
    if (pages.length > 0) await telling.older();
    telling.close();
    return story.rows(null).map((row) => row.data.text);
}"""


def test_what_is_told_again_and_is_of_the_page_before_is_not_put_at_the_end(browser: Browser, service: Service) -> None:
    with dashboard(browser, service, "#/now") as (page, _):
        assert page.evaluate(TOLD_AGAIN, [[["of the same time", 10], ["newest", 20]]]) == [
            "of the same time",
            "newest",
            "new",
        ]


def test_what_comes_late_and_is_of_the_time_of_the_very_first_is_shown(browser: Browser, service: Service) -> None:
    first = [["of the same time", 10], ["newest", 20]]
    whole = [["of the same time", 10], ["of the page before", 10], ["newest", 20], ["new", 20]]
    with dashboard(browser, service, "#/now") as (page, _):
        assert page.evaluate(TOLD_AGAIN, [first, [], whole]) == [text for text, _ in whole]


LATE = """async (source) => {
    const { Story } = await import("/app/story.js");
    const story = new Story();
    const data = { toolName: "Bash", toolUseId: "t1", inputSummary: "ls" };
    story.append([{ type: "tool.use", id: "t:s:t1:use", timestamp: 20, source, data }]);
    story.arrive({ type: "message.user", id: "m:s:1", timestamp: 10, source: "transcript", data: { text: "List" } });
    return story.rows(null).map((row) => row.kind);
}"""


def test_a_prompt_is_before_the_call_that_a_hook_told_of_though_its_line_came_when_that_had_been_read(
    browser: Browser, service: Service
) -> None:
    with dashboard(browser, service, "#/now") as (page, _):
        assert page.evaluate(LATE, "hook") == ["prompt", "tool"]
        assert page.evaluate(LATE, "transcript") == ["tool", "prompt"], "lines of one transcript stay in its order"


WAITED = """async (source) => {
    const { Story } = await import("/app/story.js");
    const story = new Story();
    const call = (id, timestamp) => ({
        type: "tool.use", id: `t:s:${id}:use`, timestamp, source,
        data: { toolName: "Bash", toolUseId: id, inputSummary: "ls" },
    });
    const line = (id, timestamp, type, data) => ({ type, id: `m:s:${id}`, timestamp, source: "transcript", data });
    const blocks = (id) => ({ contentBlocks: [{ type: "tool_use", id, name: "Bash", input: {} }] });
    for (const event of [
        call("t1", 31), call("t2", 51),
        line(1, 10, "message.user", { text: "List" }),
        line(2, 30, "message.assistant", blocks("t1")),
        line(3, 20, "message.user", { text: "<task-notification>", isSynthetic: true }),
        line(4, 50, "message.assistant", blocks("t2")),
    ]) story.arrive(event);
    return story.rows(null).map((row) => (row.kind === "tool" ? row.key : row.kind));
}"""


def test_what_waited_for_a_turn_to_take_it_is_behind_the_call_that_a_hook_told_of(
    browser: Browser, service: Service
) -> None:
    with dashboard(browser, service, "#/now") as (page, _):
        assert page.evaluate(WAITED, "hook") == ["prompt", "t1", "note", "t2"]


def prompts(page: Page) -> list[int]:
    """The numbers of the turns that the page keeps, in its order."""
    found: list[int] = page.evaluate(
        f"{LIST}.rows.filter((row) => row.kind === 'prompt').map((row) => Number(row.data.text.split(' ')[1]))"
    )
    return found


@pytest.mark.timeout(120)
def test_of_a_long_history_a_part_is_kept_and_the_rest_is_read_again(browser: Browser, service: Service) -> None:
    turns = 2000  # of four items each: twice what is kept
    session = long_conversation(service.home, turns)
    known(service, session)
    with opened(browser, service, session) as (page, _):
        expect(rows(page, "answer").last).to_contain_text(f"answer {turns - 1}")
        page.locator("long-list").hover()

        def scrolled(by: int, until: str) -> None:
            def look() -> bool:
                page.mouse.wheel(0, by)
                page.evaluate("new Promise((done) => setTimeout(done, 60))")
                kept = prompts(page)
                assert kept == list(range(kept[0], kept[-1] + 1)), "none is missing, none is there twice"
                assert page.evaluate(f"{LIST}.rows.length") < 4500
                return bool(page.evaluate(until))

            wait_for(look, f"{until} by {by}", 90)

        scrolled(-100_000, "document.querySelector('view-session').dataset.begin === 'true'")
        assert prompts(page)[0] == 0
        assert prompts(page)[-1] < turns - 1, "the newest went"
        expect(page.get_by_role("button", name="To the newest")).to_be_visible()
        scrolled(100_000, f"!{LIST}.isCut && {LIST}.following")
        wait_for(lambda: prompts(page)[-1] == turns - 1, "the newest")
        assert prompts(page)[0] > 0, "the oldest went"
        scrolled(-100_000, "document.querySelector('view-session').dataset.begin === 'true'")
        page.get_by_role("button", name="To the newest").click()
        expect(page.get_by_text(f"answer {turns - 1}")).to_be_in_viewport()


def answers(page: Page) -> list[int]:
    """The numbers of the answers that the page keeps, in its order."""
    found: list[int] = page.evaluate(
        f"{LIST}.rows.filter((row) => row.kind === 'answer').map((row) => Number(row.data.text.split(' ')[1]))"
    )
    return found


def test_of_what_comes_while_one_reads_above_no_more_is_kept_and_nothing_moves(
    browser: Browser, service: Service, one: Scene
) -> None:
    def say(*numbers: int) -> None:
        for number in numbers:
            one.main.say(f"answer {number}")

    say(*range(100))
    with opened(browser, service, one.id) as (page, _):
        expect(page.get_by_text("answer 99", exact=True)).to_be_in_viewport()
        page.locator("long-list").hover()
        page.mouse.wheel(0, -1500)
        wait_for(lambda: page.evaluate(f"!{LIST}.following"), "the reader above")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        key = page.evaluate(f"{LIST}.topRow.key")
        place = f"{LIST}.element({json.dumps(key)}).getBoundingClientRect().top"
        at = page.evaluate(place)
        say(*range(100, 4600))
        expect(page.get_by_role("button", name="To the newest")).to_be_visible(timeout=20_000)
        kept = answers(page)
        assert kept == list(range(len(kept)))
        assert len(kept) < 4600
        say(*range(4600, 5000))
        one.main.call("Bash", command="ls")
        wait_for(lambda: marks(page, "tool"), "all that came", 20)
        assert answers(page) == kept
        assert page.evaluate(place) == pytest.approx(at, abs=1)

        def read_on() -> bool:
            page.mouse.wheel(0, 100_000)
            kept = answers(page)
            assert kept == list(range(kept[0], kept[-1] + 1)), "none is missing, none is there twice"
            return bool(kept[-1] == 4999 and page.evaluate(f"{LIST}.following"))

        wait_for(read_on, "the newest", 20)
        expect(rows(page, "tool")).to_be_in_viewport()
        assert answers(page)[0] > 0, "the oldest went"
        say(5000)
        expect(page.get_by_text("answer 5000", exact=True)).to_be_in_viewport()


def test_it_follows_at_the_end_and_stays_where_one_reads(browser: Browser, service: Service, one: Scene) -> None:
    for number in range(40):
        one.main.say(f"answer {number}")
    with opened(browser, service, one.id) as (page, _):
        expect(page.get_by_text("answer 39")).to_be_in_viewport()
        one.main.say("one more")
        expect(page.get_by_text("one more")).to_be_in_viewport()
        # Something comes before the browser tells of the scrolling.
        page.evaluate(f"{LIST}.scrollTop -= 400; {LIST}.show({LIST}.rows)")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        key = page.evaluate(f"{LIST}.topRow.key")
        place = f"{LIST}.element({json.dumps(key)}).getBoundingClientRect().top"
        at = page.evaluate(place)
        one.main.say("unread 1")
        one.main.say("unread 2")
        fresh = page.get_by_role("button", name="2 new items below")
        fresh.wait_for()
        assert page.evaluate(place) == pytest.approx(at, abs=1)
        fresh.click()
        expect(page.get_by_text("unread 2")).to_be_in_viewport()
        expect(page.locator(".story-fresh")).to_be_hidden()


def test_what_a_session_costs_is_told_as_it_goes(browser: Browser, service: Service, one: Scene) -> None:
    one.main.prompt("Why is it slow?")
    with opened(browser, service, one.id) as (page, _):
        facts = page.locator(".session-facts")
        for said in (20, 40, 60):
            one.main.say("It is the tokens.", tokens=20_000)
            expect(facts).to_contain_text(f"{said}.0k out")
        with service.connect() as client:
            usage = client.ask("get_usage", sessionId=one.id)
        expect(facts).to_contain_text(f"${usage['totalCostUsd']:.2f}")


def test_what_is_worked_out_or_has_no_price_is_marked_as_on_its_card(
    browser: Browser, service: Service, one: Scene
) -> None:
    one.main.prompt("go")
    one.main.say("Well.")
    one.main.say("Done.", model="claude-future-9", tokens=2000)
    with opened(browser, service, one.id) as (page, _):
        facts = page.locator(".session-facts")
        expect(facts).to_contain_text("3.0k out")
        told = facts.inner_text().split(" · ")
        page.evaluate("location.hash = '#/now'")
        card = page.locator(f'claw-card[data-session="{one.id}"] .card-foot')
        expect(card).to_contain_text("3.0k out")
        expect(page.locator(".sum")).to_have_text(re.compile(r"\$\d+\.\d\d \+\?$"))
        shown = card.inner_text().split("\n")
        assert {one for one in told if "%" in one or "$" in one} == {one for one in shown if "%" in one or "$" in one}


def test_what_others_do_is_no_work_for_a_sessions_page(browser: Browser, service: Service, one: Scene) -> None:
    with scene(service, "other-7") as other, opened(browser, service, one.id) as (page, _):
        one.main.prompt("Why is it slow?")
        one.idle("It is the tokens.")
        expect(rows(page, "turn")).to_contain_text("Turn ended")
        page.evaluate(COUNTED)
        for _ in range(5):
            call = other.main.ask("Bash", command="rm -rf build")
            expect(page).to_have_title(re.compile(r"^\(\d+\) "))
            other.main.done(call, "Bash")
            other.idle()
            expect(page).to_have_title(re.compile(r"^Session "))
        before = page.evaluate(DRAWN)
        assert before < 3, "a snapshot may come meanwhile"
        one.main.prompt("And now?")
        expect(rows(page, "prompt")).to_have_count(2)
        assert page.evaluate(DRAWN) > before


COUNTED = """() => {
    window.drawn = 0;
    const timeline = document.querySelector("claw-timeline");
    timeline.draw = function () { window.drawn++; return Object.getPrototypeOf(this).draw.call(this); };
}"""
DRAWN = """() => new Promise((resolve) => {
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(window.drawn)));
})"""


def test_a_session_whose_transcript_is_gone_is_shown_from_the_log(browser: Browser, service: Service) -> None:
    with scene(service) as one:
        one.main.prompt("will it stay?")
        one.idle("It will.")
        with service.connect() as client:
            wait_for(lambda: client.ask("get_session_history", sessionId=one.id)["events"], "the transcript")
    one.main._path.unlink()
    with opened(browser, service, one.id) as (page, _):
        expect(rows(page, "prompt")).to_contain_text("will it stay?")
        expect(rows(page, "answer")).to_contain_text("It will.")
        expect(page.locator(".session-title")).to_have_text("app")
        expect(page.locator(".session-state")).to_contain_text("ended")


def test_a_session_that_nobody_knows_is_said_to_be_unknown(browser: Browser, service: Service) -> None:
    with opened(browser, service, "nobody") as (page, _):
        expect(page.locator(".story-top")).to_have_text("Nothing is known of this session.")


ENDED = """async ([first, second]) => {
    const { Story } = await import("/app/story.js");
    const story = new Story();
    const ended = (timestamp, jobId) => ({
        type: "session.ended", id: `s:s:${timestamp}:ended`, timestamp, source: "server",
        data: { reason: "cleared", jobId },
    });
    story.append([ended(...second)]);
    story.prepend([ended(...first)]);
    return story.movedTo;
}"""


def test_where_a_session_went_on_is_what_its_last_end_says_whatever_is_read_of_ends_before(
    browser: Browser, service: Service
) -> None:
    with dashboard(browser, service, "#/now") as (page, _):
        assert page.evaluate(ENDED, [[10, None], [20, "0bb6202d"]]) == "0bb6202d"
        assert page.evaluate(ENDED, [[10, "0bb6202d"], [20, None]]) is None
