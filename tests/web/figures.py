"""The numbers that the page shows, against what the service says over the protocol."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.client import Client, Json
from tests.support.waiting import wait_for

FORMAT = "async ([name, given]) => (await import('/app/format.js'))[name](...given)"
"""The page's own words for a number; tests/web/test_format.py says what they are."""
TOKENS = ("inputTokens", "outputTokens", "cacheCreationInputTokens", "cacheReadInputTokens")
LIMITS = {"five_hour": "5 hours", "seven_day": "7 days", "spend_limit": "spending"}


def words(page: Page, name: str, *given: Any) -> str:
    """Say a number as the page does, with a function of its format.js."""
    return str(page.evaluate(FORMAT, [name, given]))


def check_now(page: Page, client: Client) -> None:
    """Hold the sum, the limits and each card against a snapshot and ``get_usage``."""
    sessions, total = known(client), client.ask("get_usage")
    spent = sum(one["usage"]["totalCostUsd"] for one in sessions if "usage" in one)
    many = words(page, "count", len(sessions), "session")
    expect(page.locator(".sum")).to_have_text(f"{many} · {words(page, 'cost', spent)}")
    expect(page.locator(".limits > li")).to_have_count(len(total.get("rateLimits", [])))
    for limit in total.get("rateLimits", []):
        shown = page.locator(".limits > li", has_text=LIMITS[limit["type"]])
        expect(shown).to_contain_text(words(page, "percent", limit["percentUsed"]))
        anew = words(page, "duration", limit["resetsAt"] - time.time() * 1000)
        expect(shown).to_contain_text(f"anew in {anew}")
    for session in sessions:
        card = page.locator(f'claw-card[data-session="{session["sessionId"]}"]')
        _check_card(page, card, session)


def known(client: Client) -> list[Json]:
    """Return a snapshot's sessions, once what each used is what ``get_usage`` says: one is asked after the other."""

    def look() -> list[Json] | None:
        sessions: list[Json] = client.ask("get_snapshot")["sessions"]
        used = [client.ask("get_usage", sessionId=one["sessionId"]) for one in sessions]
        agree = all(one["usage"].items() <= usage.items() for one, usage in zip(sessions, used, strict=True))
        return sessions if agree else None

    return wait_for(look, "the same usage in the snapshot and in get_usage")


def _check_card(page: Page, card: Locator, session: Json) -> None:
    usage, full = session["usage"], session["context"]
    share = f"{words(page, 'percent', full['percentUsed'])} of {words(page, 'tokens', full['tokensMax'])}"
    told = [share if full["official"] else f"~{share}", f"{words(page, 'tokens', usage['outputTokens'])} out"]
    shown = card.locator(".card-foot > span")
    expect(shown).to_have_text(
        [words(page, "model", session["model"]), *told, words(page, "cost", usage["totalCostUsd"])]
    )
    expect(card.locator("claw-gauge")).to_have_attribute("aria-valuenow", str(round(full["percentUsed"])))


def check_head(page: Page, client: Client, session: str) -> None:
    """Hold the head of a session's page against a snapshot and ``get_usage``."""
    (info,) = [one for one in known(client) if one["sessionId"] == session]
    usage, full = info["usage"], info["context"]
    share = f"{words(page, 'percent', full['percentUsed'])} of {words(page, 'tokens', full['tokensMax'])}"
    expect(page.locator(".session-facts")).to_have_text(
        " · ".join(
            [
                words(page, "model", info["model"]),
                share if full["official"] else f"~{share}",
                words(page, "cost", usage["totalCostUsd"]),
                f"{words(page, 'tokens', usage['outputTokens'])} out",
                f"pid {info['pid']}",
            ]
        )
    )


def check_usage(page: Page, client: Client) -> None:
    """Hold the page of usage against ``get_usage_report`` and ``get_usage``; all was spent today, and has a price."""
    report, usage = client.ask("get_usage_report", by=["session"]), client.ask("get_usage")
    total = report["total"]
    assert usage["totalCostUsd"] == total["totalCostUsd"]
    assert [usage["totalInputTokens"], usage["totalOutputTokens"]] == [total["inputTokens"], total["outputTokens"]]
    for name, text in figures(page, total).items():
        expect(page.locator(f'[data-figure="{name}"] dd')).to_have_text(text)
    today = page.locator(".day").last.get_attribute("aria-label") or ""
    parts = dict(zip(("input", "output", "cache writes", "cache reads"), TOKENS, strict=True))
    told = [f"{name} {words(page, 'tokens', total[field])}" for name, field in parts.items()]
    assert [one for one in (f"cost {words(page, 'cost', total['totalCostUsd'])}", *told) if one not in today] == []
    for part in ("project", "model", "session"):
        rows = client.ask("get_usage_report", by=[part])["rows"]
        shown = page.locator(f'[data-part="{part}"] tbody tr')
        expect(shown).to_have_count(len(rows))
        assert sorted(shown.locator("td").all_inner_texts()) == sorted(
            text for row in rows for text in list(figures(page, row).values())[:3]
        )
    for limit in usage.get("rateLimits", []):
        shown = page.locator("claw-limit", has=page.get_by_role("heading", name=LIMITS[limit["type"]]))
        expect(shown.locator(".limit-now")).to_have_text(f"{words(page, 'percent', limit['percentUsed'])} used")


def figures(page: Page, sum: Json) -> dict[str, str]:
    """Say what was spent, as the page does."""
    read = sum["inputTokens"] + sum["cacheCreationInputTokens"] + sum["cacheReadInputTokens"]
    return {
        "Cost": words(page, "cost", sum["totalCostUsd"]),
        "Tokens": words(page, "tokens", read + sum["outputTokens"]),
        "From the cache": words(page, "percent", 100 * sum["cacheReadInputTokens"] / read),
        "Output": words(page, "tokens", sum["outputTokens"]),
        "Messages": f"{sum['messages']:,}",
    }
