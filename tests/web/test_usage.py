"""Usage: every number is that of the command line, of the service and of the transcripts."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.spending import answer, prompt, write
from tests.state.playback import RECORDINGS
from tests.support.browser import page_of
from tests.support.feed import session_file
from tests.support.service import Service, run_command
from tests.support.waiting import wait_for
from tests.web.axe import violations
from tests.web.dashboard import dashboard, new_code
from tests.web.stage import scene, stamp
from tests.web.test_login import is_live

PARTS = ("day", "project", "model", "session")
RECORDED = ("f2_subagents_parallel", "d_parallel", "g_thinking")
FORMULA = '=HYPERLINK("http://x.example","<img src=x onerror=alert(1)>")'
HOSTILE = "<script>alert(1)</script>\u202egnp"
NOON = 1_795_392_000


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that follows recorded sessions; others are from before its time, and one has no price."""
    home = tmp_path_factory.mktemp("spent")
    write(home, "old", {**prompt("p"), "cwd": FORMULA}, answer("o1", 5000, at=stamp(NOON - 200 * 86_400)), project="-o")
    write(home, "new", {**prompt("p"), "cwd": "/home/dev/app"}, answer("n1", 7000, at=stamp(NOON), model=HOSTILE))
    with ExitStack() as stack:
        for name in RECORDED:
            shutil.copytree(RECORDINGS / name / "projects", home / ".claude" / "projects", dirs_exist_ok=True)
            for one in sessions(name):
                stack.enter_context(session_file(home, one))
        service = stack.enter_context(Service(home))
        service.wait_for_hooks()
        yield service


def sessions(recording: str) -> list[str]:
    return [path.stem for path in (RECORDINGS / recording / "projects").glob("*/*.jsonl")]


@pytest.fixture
def page(browser: Browser, spent: Service) -> Iterator[Page]:
    with dashboard(browser, spent, "#/usage?range=all") as (page, _):
        page.locator(".figures dd").first.wait_for()
        yield page


def saved(page: Page, name: str) -> str:
    """What a button lets one save."""
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    return Path(download.value.path()).read_text()


def told(service: Service, *flags: str) -> dict[str, Any]:
    """What the command line says."""
    done = run_command(service.home, "usage", "--json", *flags)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_days_have_as_many_labels_as_there_is_room_for(page: Page) -> None:
    labels = page.locator(".days-labels span")
    page.evaluate("location.hash = '#/usage?range=30'")
    page.set_viewport_size({"width": 1440, "height": 900})
    wait_for(lambda: 10 <= labels.count() <= 30, "every second day or so")
    page.set_viewport_size({"width": 390, "height": 900})
    wait_for(lambda: 2 <= labels.count() <= 6, "some of them")


def test_every_number_is_that_of_the_command_line(spent: Service, page: Page) -> None:
    file = json.loads(saved(page, "Save as JSON"))
    command = told(spent, "--by", ",".join(PARTS))
    rows = [{"unpricedMessages": 0, **row} for row in file["rows"]]
    assert rows == command["rows"]
    assert file["total"] == command["total"]
    assert (file["unpricedModels"], file["pricesDate"]) == (command["unpricedModels"], command["pricesDate"])
    shown = page.locator('.figures [data-figure="Cost"] dd').inner_text()
    assert shown == f"${command['total']['totalCostUsd']:.2f} +?"
    for part in PARTS[1:]:
        wanted = {row[part]: row for row in told(spent, "--by", part)["rows"]}
        costs = page.locator(f'[data-part="{part}"] tbody tr').evaluate_all(
            "rows => rows.map((row) => [row.sum.cost, row.sum.output, row.sum.tokens, row.sum.messages])"
        )
        assert len(costs) == len(wanted)
        ours = sorted((row["outputTokens"], row["messages"]) for row in wanted.values())
        assert sorted((output, messages) for _, output, _, messages in costs) == ours


def test_a_session_cost_what_the_service_and_its_snapshot_say(spent: Service, page: Page) -> None:
    rows = json.loads(saved(page, "Save as JSON"))["rows"]
    for id in [id for name in RECORDED for id in sessions(name)]:
        mine = [row for row in rows if row["session"] == id]
        sums = {name: sum(row[name] for row in mine) for name in TOKENS}
        assert sums["outputTokens"] > 0
        usage = wait_for(lambda id=id, sums=sums: used(spent, id, sums), "the same in get_usage")  # type: ignore[misc]
        assert sum(row["totalCostUsd"] for row in mine) == pytest.approx(usage["totalCostUsd"], abs=1e-9)
        with spent.connect() as client:
            snapshot = {one["sessionId"]: one.get("usage") for one in client.ask("get_snapshot")["sessions"]}
        assert {name: snapshot[id][name] for name in TOKENS} == sums
        assert usage["totalCostUsd"] == snapshot[id]["totalCostUsd"]


TOKENS = ("inputTokens", "outputTokens", "cacheCreationInputTokens", "cacheReadInputTokens")


def used(service: Service, id: str, sums: dict[str, int]) -> dict[str, Any] | None:
    """What the service says of a session, once it has read all of it."""
    with service.connect() as client:
        usage: dict[str, Any] = client.ask("get_usage", sessionId=id)
    return usage if {name: usage[name] for name in TOKENS} == sums else None


def test_a_file_for_spreadsheets_has_all_rows_and_no_formula(spent: Service, page: Page) -> None:
    rows = list(csv.DictReader(io.StringIO(saved(page, "Save as CSV"), newline="")))
    command = told(spent, "--by", ",".join(PARTS))["rows"]
    assert len(rows) == len(command)
    for row, wanted in zip(rows, command, strict=True):
        assert row["session"] == wanted["session"]
        assert int(row["outputTokens"]) == wanted["outputTokens"]
        cost = wanted["totalCostUsd"]
        assert row["totalCostUsd"] == "" if cost is None else float(row["totalCostUsd"]) == cost
        assert row["project"].removeprefix("'") == wanted["project"]
        assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())


def test_what_is_chosen_is_in_the_address_and_in_the_files(browser: Browser, spent: Service, page: Page) -> None:
    page.locator('[data-part="model"] .usage-name').first.click()
    expect(page.locator(".usage-chips button")).to_have_count(1)
    page.get_by_role("button", name="Tokens", exact=True).click()
    rows = json.loads(saved(page, "Save as JSON"))["rows"]
    assert len({row["model"] for row in rows}) == 1
    address = page.url
    with dashboard(browser, spent, "#" + address.partition("#")[2]) as (other, _):
        expect(other.locator(".usage-chips button")).to_have_count(1)
        expect(other.get_by_role("button", name="Tokens", exact=True)).to_have_attribute("aria-pressed", "true")
        other.locator(".usage-chips button").click()
        expect(other.locator(".usage-chips button")).to_have_count(0)
        other.get_by_role("button", name="90 days").click()
        file = json.loads(saved(other, "Save as JSON"))
        assert "old" not in {row["session"] for row in file["rows"]}
        assert file["rows"] == [row for row in file["rows"] if file["from"] <= row["day"] <= file["to"]]


def test_a_browser_where_it_is_still_yesterday_has_a_column_for_today(spent: Service, page: Page) -> None:
    newest = max(row["day"] for row in told(spent, "--by", "day")["rows"])
    page.clock.set_fixed_time(datetime.fromisoformat(newest) - timedelta(hours=6))
    page.evaluate("location.hash = '#/usage?range=7'")
    expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".day")).to_have_count(7)
    expect(page.locator(".day").last).not_to_have_accessible_name(re.compile("messages 0$"))
    assert json.loads(saved(page, "Save as JSON"))["to"] == newest


def test_a_chosen_day_that_is_no_column_of_the_range_is_chosen_all_the_same(page: Page) -> None:
    day = stamp(NOON - 200 * 86_400)[:10]
    for range, sessions in (("all", {"old"}), ("7", set())):
        page.evaluate("place => { location.hash = place }", f"#/usage?range={range}&day={day}")
        expect(page.locator(".usage-chips")).to_contain_text(f"day {day}")
        file = json.loads(saved(page, "Save as JSON"))
        assert file["chosen"] == {"day": day}
        assert {row["session"] for row in file["rows"]} == sessions
        messages = page.locator('.figures [data-figure="Messages"] dd')
        expect(messages).to_have_text(str(len(sessions)))


def test_the_columns_are_read_by_keyboard_and_say_their_numbers(spent: Service, page: Page) -> None:
    page.get_by_role("button", name="30 days").click()
    columns = page.locator(".day")
    expect(columns).to_have_count(30)
    columns.last.focus()
    page.keyboard.press("ArrowLeft")
    expect(columns.nth(28)).to_be_focused()
    expect(page.locator("claw-tip")).to_contain_text("from the cache")
    page.keyboard.press("Home")
    expect(columns.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(columns.first).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".usage-chips")).to_contain_text("day")
    page.keyboard.press("Escape")
    expect(page.locator("claw-tip")).to_be_hidden()
    name = columns.first.get_attribute("aria-label") or ""
    assert "cost $" in name
    assert "messages" in name
    page.locator(".usage-days summary").click()
    page.locator(".usage-chips button").click()
    days = {row["day"] for row in told(spent, "--since", "30d")["rows"]}
    expect(page.locator(".days-table tbody tr")).to_have_count(len(days))


def test_pointing_at_a_bar_tells_its_numbers(page: Page) -> None:
    page.locator('[data-part="model"] tbody tr').first.hover()
    expect(page.locator("claw-tip")).to_contain_text("cache reads")
    page.mouse.move(0, 0)
    expect(page.locator("claw-tip")).to_be_hidden()


def test_the_names_of_sessions_are_contents_in_the_note_too(page: Page) -> None:
    page.evaluate("import('/app/options.js').then(({ options }) => options.set('hide', true))")
    for part, is_hidden in (("session", True), ("model", False)):
        row = page.locator(f'[data-part="{part}"] tbody tr').first
        row.hover()
        name = page.locator("claw-tip strong > span")
        expect(name).to_have_text(row.locator(".usage-name").text_content() or "")
        assert name.is_hidden() == row.locator(".usage-name").is_hidden() == is_hidden


def test_names_are_text_and_models_without_a_price_are_named(page: Page) -> None:
    expect(page.locator(".usage-unpriced")).to_contain_text("No price is known for <script>alert(1)</script>")
    assert page.locator("view-usage script, view-usage img").count() == 0
    assert "\u202e" not in page.content()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_limits_are_shown_over_time_with_their_age(browser: Browser, spent: Service) -> None:
    with scene(spent) as one, dashboard(browser, spent, "#/usage") as (page, _):
        one.main.prompt("go")
        limit = page.locator("claw-limit").first
        for percent in (10, 35, 60):
            one.status_line(50, percent, percent / 2)
            expect(limit.locator(".limit-now")).to_have_text(f"{percent} % used")
        expect(limit).to_contain_text("told by Claude Code")
        expect(limit.locator(".limit-chart")).to_have_attribute(
            "aria-label", re.compile("Told 3 times .* at most 60 %")
        )
        limit.locator("summary").click()
        expect(limit.locator("tbody tr td:nth-child(2)")).to_have_text(["60 %", "35 %", "10 %"])
        limit.locator(".limit-chart").focus()
        page.keyboard.press("Home")
        expect(page.locator("claw-tip")).to_contain_text("10 %")
        page.keyboard.press("ArrowRight")
        expect(page.locator("claw-tip")).to_contain_text("35 %")
        one.status_line(50, 60, 30, spent=80)
        expect(page.locator("claw-limit h3")).to_have_text(["5 hours", "7 days", "spending"])


def test_a_home_without_any_usage_says_so(browser: Browser, tmp_path: Path) -> None:
    with Service(tmp_path) as service, dashboard(browser, service, "#/usage") as (page, _):
        expect(page.locator("view-usage")).to_contain_text("No transcript tells of any usage yet.")
        expect(page.locator("view-usage")).to_contain_text("No session has told of a limit.")
        expect(page.locator(".usage")).to_be_hidden()
        expect(page.get_by_role("button", name="Save as CSV")).to_be_disabled()


def test_a_report_that_could_not_be_made_is_asked_for_again(browser: Browser, spent: Service) -> None:
    with page_of(browser) as (page, _):
        page.clock.install()
        page.goto(f"http://{spent.address}/#code={new_code(spent)}")
        is_live(page)
        page.evaluate("""async () => {
            const { store } = await import("/app/store.js");
            const { another } = store;
            store.another = async (signal) => {
                const claw = await another.call(store, signal);
                const { usageReport } = claw;
                claw.usageReport = () => {
                    claw.usageReport = usageReport;
                    return Promise.reject(new Error("busy"));
                };
                return claw;
            };
        }""")
        page.evaluate("location.hash = '#/usage'")
        expect(page.locator("view-usage")).to_contain_text("The transcripts could not be read: busy")
        page.clock.fast_forward(20_000)
        expect(page.locator(".figures")).to_be_visible()
        expect(page.locator("view-usage")).not_to_contain_text("could not be read")


def test_a_report_that_can_not_be_made_is_told(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / ".claw-socket").mkdir(mode=0o700)
    with Service(tmp_path) as service, dashboard(browser, service, "#/now") as (page, _):
        (tmp_path / ".claw-socket" / "config.toml").write_text("port = 'none'\n")
        page.evaluate("location.hash = '#/usage'")
        expect(page.locator("view-usage")).to_contain_text("The transcripts could not be read: the report could not be")


@pytest.mark.parametrize("look", ["light-1440", "dark-390"])
def test_everyone_can_use_it(browser: Browser, spent: Service, look: str) -> None:
    scheme, _, width = look.partition("-")
    options: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": int(width), "height": 900}}
    with scene(spent) as one, dashboard(browser, spent, "#/usage?range=all", bypass_csp=True, **options) as (page, _):
        one.main.prompt("go")
        for percent in (10, 35):
            one.status_line(50, percent, percent / 2)
            expect(page.locator(".limit-now").first).to_have_text(f"{percent} % used")
        page.locator('[data-part="model"] .usage-name').first.click()
        expect(page.locator("claw-limit summary:visible")).to_have_count(2)
        for summary in page.locator("summary:visible").all():
            summary.click()
        page.mouse.move(0, 0)
        expect(page.locator("claw-tip")).to_be_hidden()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off at the side"
