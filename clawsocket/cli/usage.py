"""``claw-socket usage``: what was spent, over all transcripts, without the service."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, cast, get_args

import msgspec

from clawsocket import config
from clawsocket.cli import usage_table
from clawsocket.cli.arguments import assignment
from clawsocket.cli.look import Look, clean, clean_json, folded
from clawsocket.errors import FolderError, UsageError
from clawsocket.paths import Home
from clawsocket.spending import own_prices
from clawsocket.spending.cache import Cache
from clawsocket.spending.report import By, Row, grouped_by, report, unpriced
from clawsocket.state.prices import Prices, dollars
from clawsocket.state.usage import Tokens, total

HELP = """\
Usage: claw-socket usage [options]

Shows what Claude Code used and cost, from all of its transcripts, also those from before claw-socket was
installed. The service need not run. Each API message counts once, however often it was copied by a fork or a
resume; subagents count in their session. The first run reads everything, later ones what is new.

Options:
  --by <what>         Sum up by day (default), project, model, session, agent or prompt, or by several: day,model
  --since <when>      Only from this day on: 2026-11-01, today, yesterday, or 7d for the last seven days
  --json              Print JSON: costs in US dollars, null where a model has no price
  --set <name=value>  Change a setting, as for claw-socket itself (claude_dirs: which folders to read)
  --help              Show this help

Examples:
  claw-socket usage --since 7d
  claw-socket usage --by project --since 2026-11-01
  claw-socket usage --by day,model --json

Days are those of your time zone; of all else the dearest stands first. Costs are what the API would charge, also
where a subscription pays.
Calls that Claude Code writes into no transcript, as for titles and compactions, are not included.
NO_COLOR turns colours off.

A model without a price is named, and costs nothing in the sums. Give it one, or change any other, in
~/.claw-socket/prices.json (US dollars for a million tokens; "match" is a regular expression):
  {"models": {"my-model": {"match": "^my-model", "rates": [{"input": 5, "output": 25, "cacheRead": 0.5,
   "cacheWrite5m": 6.25, "cacheWrite1h": 10}]}}}
A rate may also have "since" (a day), "above" (for prompts longer than so many tokens) and "speed" ("fast", which no
other rate is for); of the rates that apply the last one counts.
"""


class Options(NamedTuple):
    """What the command line asks for."""

    by: tuple[By, ...] = ("day",)
    since: str = ""
    json: bool = False
    given: tuple[tuple[str, str], ...] = ()
    help: bool = False


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket usage``; return the exit code.

    Raises:
        UsageError: a wrong flag or value.
    """
    options = parse(argv, datetime.now().astimezone().date())
    if options.help:
        print(folded(HELP, Look.of(sys.stdout).width), end="")
        return 0
    home = Home.default()
    dirs = config.claude_dirs(config.load(dict(options.given), file=home.config))
    prices, problem = own_prices.load(home.prices)
    if problem is not None:
        print(f"claw-socket: {problem}", file=sys.stderr)
    with contextlib.suppress(FolderError):
        home.create()  # for the cache; without it all is read each time
    cache = Cache(home.usage)
    with contextlib.closing(cache), usage_table.progress(sys.stderr) as progress:
        rows, unread = report(dirs, cache, prices, progress)
    for path, error in unread.items():
        print(f"claw-socket: {clean(path)} can't be read: {error.strerror}; it is left out", file=sys.stderr)
    rows = [row for row in rows if row.day >= options.since]
    if options.json:
        text = as_json(rows, options, prices) + "\n"
    else:
        text = usage_table.table(rows, options.by, options.since, Look.of(sys.stdout))
    print(text, end="", flush=True)
    return 0


def parse(argv: Sequence[str], today: date) -> Options:
    """Return what the arguments ask for.

    Raises:
        UsageError: a flag that is not known, or a wrong value.
    """
    options = Options()
    rest = list(argv)
    while rest:
        flag, equals, inline = rest.pop(0).partition("=")
        if flag in ("--help", "-h"):
            return options._replace(help=True)
        if flag == "--json" and not equals:
            options = options._replace(json=True)
            continue
        if flag not in ("--by", "--since", "--set"):
            raise UsageError(f"unknown option {flag}; see claw-socket usage --help")
        value = inline if equals else rest.pop(0) if rest else ""
        if not value:
            raise UsageError(f"{flag} needs a value; see claw-socket usage --help")
        if flag == "--by":
            options = options._replace(by=_by(value))
        elif flag == "--since":
            options = options._replace(since=_since(value, today))
        else:
            options = options._replace(given=(*options.given, assignment(value)))
    return options


def _by(value: str) -> tuple[By, ...]:
    parts = tuple(dict.fromkeys(value.split(",")))
    if not set(parts) <= set(get_args(By)):
        raise UsageError(f"--by wants one or more of {', '.join(get_args(By))}, not {value!r}")
    return cast(tuple[By, ...], parts)


def _since(value: str, today: date) -> str:
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        if value in words:
            return words[value].isoformat()
        if re.fullmatch(r"[0-9]{1,5}d", value):
            return (today - timedelta(days=max(0, int(value[:-1]) - 1))).isoformat()
        return date.fromisoformat(value).isoformat()
    except (ValueError, OverflowError):
        raise UsageError(f"--since wants a day like 2026-11-01, today, yesterday or 7d, not {value!r}") from None


def as_json(rows: list[Row], options: Options, prices: Prices) -> str:
    """Return a report as JSON."""
    sums = grouped_by(rows, options.by)
    whole = {
        "by": options.by[0] if len(options.by) == 1 else options.by,
        "since": options.since or None,
        "rows": [dict(zip(options.by, names, strict=True)) | _numbers(tokens) for names, tokens in sums.items()],
        "total": _numbers(total(sums.values())) | {"totalCostUsd": dollars(total(sums.values()).cost)},
        "unpricedModels": unpriced(rows),
        "pricesDate": prices.date,
    }
    return clean_json(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode())


def _numbers(tokens: Tokens) -> dict[str, int | float | None]:
    cost = None if tokens.usd is None else dollars(tokens.cost, 12)  # exact, so that rows can be summed up
    numbers = {**tokens.as_dict(), "messages": tokens.messages}
    return {**numbers, "unpricedMessages": tokens.unpriced, "totalCostUsd": cost}
