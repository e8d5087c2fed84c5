"""Words and numbers for people, and text from elsewhere made harmless."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.service import Service
from tests.web.dashboard import dashboard

CALL = "async ([name, given]) => (await import('/app/format.js'))[name](...given)"

CASES: list[tuple[str, list[Any], str]] = [
    ("duration", [40], "40 ms"),
    ("duration", [1234], "1.2 s"),
    ("duration", [59_999], "59 s"),
    ("duration", [3_599_000], "59 min"),
    ("duration", [7_500_000], "2 h 05"),
    ("duration", [200_000_000], "2 d"),
    ("duration", [-5], "0 ms"),
    ("duration", [None], "\u2013"),
    ("age", [1000, 1500], "now"),
    ("age", [1000, 5900], "4 s"),
    ("tokens", [999], "999"),
    ("tokens", [20_050], "20.1k"),
    ("tokens", [200_000], "200k"),
    ("tokens", [1_000_000], "1.0M"),
    ("cost", [0], "$0"),
    ("cost", [0.00208], "$0.0021"),
    ("cost", [1.239], "$1.24"),
    ("cost", [1234.5], "$1,235"),
    ("cost", [None], "\u2013"),
    ("bytes", [999], "999 B"),
    ("bytes", [1_500_000], "1.5 MB"),
    ("folder", ["/home/dev/app/"], "app"),
    ("folder", ["C:\\dev\\app"], "app"),
    ("folder", [""], "/"),
    ("model", ["claude-haiku-4-5-20251001"], "haiku-4-5"),
    ("visible", ["a\tb\nc\r\nd"], "a\tb\nc\nd"),
    ("visible", ["\x1b[31m\x00\x7f\r"], "\u241b[31m\u2400\u2421\u240d"),
    (
        "visible",
        ["\u202e\u2066\u200b\ufeff\x9b"],
        "".join(f"\u27e8U+{one}\u27e9" for one in "202E 2066 200B FEFF 009B".split()),
    ),
    ("visible", ["\U0001f600 é \ud83d"], "\U0001f600 é \u27e8U+D83D\u27e9"),
    ("visible", ["\U0001f469\u200d\U0001f4bb a\u200db"], "\U0001f469\u200d\U0001f4bb a\u27e8U+200D\u27e9b"),
    (
        "visible",
        ["a\u00adb\u3164\U000e0041\U000e007f"],
        "a\u27e8U+00AD\u27e9b\u27e8U+3164\u27e9\u27e8U+E0041\u27e9\u27e8U+E007F\u27e9",
    ),
    ("visible", ["x" * 30, 10], "x" * 10 + "… (20 more characters)"),
    ("visible", ["x" * 9 + "\U0001f600" * 3, 10], "x" * 9 + "… (6 more characters)"),
    ("line", ["x" * 9 + "\U0001f600" * 3, 10], "x" * 9 + "…"),
    ("visible", [None], ""),
    ("line", ["  a\n\n b\t"], "a b"),
    ("line", ["abcdef", 3], "abc…"),
    ("toolInput", ['{"command":"ls","timeout":5}'], "ls"),
    ("toolInput", ['{"path":"src","pattern":"parse"}'], "parse"),
    ("toolInput", ['{"questions":[{"question":"Which?"}]}'], "Which?"),
    ("toolInput", ['{"questions":[{"question":"Which?","header":"Lib'], "Which?…"),
    ("toolInput", ['{"to":"al","summary":"More","message":"Go on"}'], "al: More"),
    ("toolInput", ['{"to":"al","message":"Go on"}'], "al: Go on"),
    ("toolInput", ['{"to":"al"}'], '{"to":"al"}'),
    ("toolInput", ['{"to":"al","summary":"More","message":"Go o'], "al: More…"),
    ("toolInput", ['{"to":"al","message":"Go o'], "al: Go o…"),
    ("toolInput", ['{"plan":"1. Do it"}'], "1. Do it"),
    ("toolInput", ['{"plan":"1. Do it\\n2. Te'], "1. Do it\n2. Te…"),
    ("toolInput", ['{"a":1}'], '{"a":1}'),
    ("toolInput", ['{"command":"echo \\"x\\" and…'], 'echo "x" and…'),
    ("toolInput", ['{"command": "echo \\'], "echo …"),
    ("toolInput", [None], ""),
]


@pytest.fixture(scope="module")
def page(browser: Browser, service: Service) -> Iterator[Page]:
    with dashboard(browser, service) as (page, _):
        yield page


@pytest.mark.parametrize(("name", "given", "shown"), CASES)
def test_it_is_shown_so(page: Page, name: str, given: list[Any], shown: str) -> None:
    assert page.evaluate(CALL, [name, given]) == shown


KEYED = """async ([before, after]) => {
    const { h, keyed } = await import("/app/dom.js");
    const list = document.body.appendChild(h("ul"));
    const show = (keys) => keyed(list, keys, (key) => key, (key) => h("li", { tabindex: "0" }, key));
    show(before);
    const kept = new Map([...list.children].map((item) => [item.textContent, item]));
    list.children[0]?.focus();
    const focused = document.activeElement.textContent;
    show(after);
    const same = [...list.children].every((item) => !kept.has(item.textContent) || kept.get(item.textContent) === item);
    const found = [[...list.children].map((item) => item.textContent), same];
    found.push(!after.includes(focused) || document.activeElement.textContent === focused);
    list.remove();
    return found;
}"""


@pytest.mark.parametrize(
    ("before", "after"), [("abc", "cba"), ("abc", "xaybz"), ("abcdef", "fb"), ("ab", ""), ("", "ab"), ("abc", "dabc")]
)
def test_a_list_is_brought_up_to_date_and_what_stays_is_the_same_element(page: Page, before: str, after: str) -> None:
    assert page.evaluate(KEYED, [list(before), list(after)]) == [list(after), True, True]


def test_a_list_is_not_laid_out_at_once_for_a_focus_that_nothing_has(page: Page) -> None:
    code = """async () => {
        document.activeElement.blur();
        const { h, keyed } = await import("/app/dom.js");
        const list = document.body.appendChild(h("ul"));
        const show = (keys) => keyed(list, keys, (key) => key, (key) => h("li", { tabindex: "0" }, key));
        const focus = HTMLElement.prototype.focus;
        let calls = 0;
        HTMLElement.prototype.focus = function (...given) { calls++; focus.apply(this, given); };
        for (const keys of ["abc", "cab", "b", ""]) show([...keys]);
        HTMLElement.prototype.focus = focus;
        list.remove();
        return [document.activeElement === document.body, calls];
    }"""
    assert page.evaluate(code) == [True, 0]


@pytest.mark.parametrize(
    ("hash", "place"),
    [
        ("", ["now", None]),
        ("#/session/a%2Fb?agent=x", ["session", "a/b", "x"]),
        ("#/session/%E0%A4%A", ["session", "%E0%A4%A"]),
        ("#/nothing", ["now", None]),
        ("#/session", ["now", None]),
        ("#/session/", ["now", None]),
    ],
)
def test_an_address_is_a_place_and_a_wrong_one_is_now(page: Page, hash: str, place: list[str | None]) -> None:
    code = """async (hash) => {
        const { view, id, params } = (await import("/app/router.js")).parse(hash);
        return [view, id, ...params.values()];
    }"""
    assert page.evaluate(code, hash) == place


def test_what_a_place_is_made_of_comes_back(page: Page) -> None:
    code = """async () => {
        const { href, parse } = await import("/app/router.js");
        const { view, id, params } = parse(href("session", "a/b ?#%", { q: "x&y=z", none: null }));
        return [view, id, [...params]];
    }"""
    assert page.evaluate(code) == ["session", "a/b ?#%", [["q", "x&y=z"]]]
