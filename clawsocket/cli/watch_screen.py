"""What ``claw-socket watch`` shows, on Textual; nothing else imports this."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import aclosing
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from clawsocket.cli import skew
from clawsocket.cli.bars import headline
from clawsocket.cli.event_line import by_urgency, doing, label, spent
from clawsocket.cli.live import BATCH
from clawsocket.cli.look import Look
from clawsocket.cli.ps import until_older
from clawsocket.cli.watch import ASKS, STYLES, Calls, Parts, asking, between, call_lines, limits, session_lines
from clawsocket.client import Back, Claw, Gap, Lost, Notice, connect
from clawsocket.errors import ClawSocketError, RequestError
from clawsocket.protocol.models import SessionInfo
from clawsocket.protocol.replies import Snapshot

HISTORY = 1000
"""Events of a session's past that are asked for when it is first selected."""

WAITING = "waiting for claw-socket"

HELP = "↑↓ select · n next that needs you · tab calls · / filter · q quit"


async def show() -> int:
    """Show it until its user leaves; return the exit code.

    Raises:
        TokenRefusedError: the service refuses the token.
    """
    look = Look.of(sys.stdout)  # Textual puts something else in its place
    async with connect(wait=True) as claw:
        app = Watch(claw, look)
        # And no SIGHUP: without its terminal, Textual may wait for ever to put that back as it was.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.exit, 128 + signal.SIGTERM)
        code = await app.run_async()
    if app.error is not None:
        raise app.error
    return app.return_code or 0 if code is None else code


def _content(lines: Iterable[Parts], mark: str = "") -> Content:
    """Return lines for Textual, which takes nothing in them for markup; each begins with a mark."""
    return Content("\n").join(Content.assemble((mark, "bold ansi_bright_blue"), *line) for line in lines)


# The screen


class Pane(OptionList):
    """A list whose lines change while it is looked at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]

    class Resized(Message):
        """It has another size now."""

    def __init__(self, id: str, look: Look) -> None:
        """Show nothing."""
        super().__init__(id=id, markup=False)
        self._look = look
        self._shown: list[tuple[str, Content]] = []
        self._put: str | None = None

    @property
    def look(self) -> Look:
        """What fits into it, beside the mark of the line that is selected."""
        return self._look._replace(width=max(10, self.scrollable_content_region.width - 2))

    def on_resize(self) -> None:
        """Tell of it: only now is it known what fits."""
        self.post_message(self.Resized())

    def mark(self, *, selected: bool) -> str:
        """Return what each line of an item begins with."""
        return ("▌ " if self._look.block == "█" else "* ") if selected else "  "

    @property
    def selected(self) -> str | None:
        """The id of the line that is selected."""
        return None if self.highlighted is None else self.get_option_at_index(self.highlighted).id

    @property
    def moved(self) -> str | None:
        """The id of the line that its user selected since it was put; what tells of that may still be on its way."""
        return None if self.selected == self._put else self.selected

    def put(self, items: list[tuple[str, Content]], select: str | None) -> None:
        """Show items, each under an id, with one of them selected; what is the same already is left alone."""
        if [id for id, _ in items] != [id for id, _ in self._shown]:
            self.set_options([Option(content, id=id) for id, content in items])
        else:
            for (id, content), (_, before) in zip(items, self._shown, strict=True):
                if content != before:
                    self.replace_option_prompt(id, content)
        self._shown = items
        at = next((index for index, (id, _) in enumerate(items) if id == select), None)
        if self.highlighted != at:
            self.highlighted = at
        self._put = self.selected


class Watch(App[int]):
    """The whole of it. ``error`` is what ended it, if anything did."""

    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's own
    CSS = """
    Screen, Pane, Static, Input { background: ansi_default; color: ansi_default; }
    #head, #help { height: 1; }
    #help { text-style: dim; }
    #body { layout: vertical; height: 1fr; }
    Screen.-wide #body { layout: horizontal; }
    Pane { height: 1fr; width: 1fr; border: none; border-top: solid ansi_bright_black; padding: 0;
        scrollbar-size-vertical: 1; scrollbar-color: ansi_bright_black; scrollbar-background: ansi_default;
        scrollbar-color-hover: ansi_default; scrollbar-background-hover: ansi_default;
        scrollbar-color-active: ansi_default; scrollbar-background-active: ansi_default; border-title-style: dim; }
    Screen.-wide #sessions { width: 2fr; max-width: 70; }
    Screen.-wide #calls { width: 3fr; margin-left: 1; }
    Pane:focus { border: none; border-top: solid ansi_default; border-title-style: bold; }
    Pane > .option-list--option, Pane:focus > .option-list--option-hover, Pane > .option-list--option-hover {
        background: ansi_default; padding: 0; }
    Pane > .option-list--option-highlighted, Pane:focus > .option-list--option-highlighted {
        background: ansi_default; color: ansi_default; text-style: none; }
    #filter { display: none; border: none; height: 1; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave(0)"),
        Binding("ctrl+c", "leave(130)", priority=True),
        Binding("n", "needing"),
        Binding("slash", "filter"),
        Binding("escape", "unfilter"),
    ]

    def __init__(self, claw: Claw, look: Look) -> None:
        """Show what a client tells, with what the terminal can show."""
        super().__init__(ansi_color=True)
        self._claw, self._look = claw, look
        self._snapshot: Snapshot | None = None
        self._calls = Calls()
        self._loaded: set[str] = set()
        self._selected: str | None = None
        self._status = f"{WAITING}; start it with: claw-socket start"
        self._timer: Timer | None = None
        self._due = False
        self.error: ClawSocketError | None = None

    def compose(self) -> ComposeResult:
        """Make the parts."""
        yield Static(id="head", markup=False)
        with Container(id="body"):
            yield Pane("sessions", self._look)
            yield Pane("calls", self._look)
        yield Input(id="filter", placeholder="only what has this in it")
        yield Static(HELP if self._look.block == "█" else HELP.replace("↑↓", "up/down"), id="help")

    def on_mount(self) -> None:
        """Begin to listen."""
        self._pane("sessions").border_title = "sessions"
        self._pane("sessions").focus()
        self.run_worker(self._until_error(self._follow_sessions()), exit_on_error=True)
        self.run_worker(self._until_error(self._follow_calls()), exit_on_error=True)
        self._draw()

    def _pane(self, id: str) -> Pane:
        return self.query_one(f"#{id}", Pane)

    # What comes

    async def _until_error(self, following: Any) -> None:
        try:
            await following
        except ClawSocketError as error:
            self.error = error
            self.exit()

    async def _follow_sessions(self) -> None:
        async with aclosing(self._claw.watch(self._noticed)) as snapshots:
            async for snapshot in snapshots:
                self._status = skew.words(snapshot.server.version)
                self._snapshot = snapshot
                self._calls.keep(one.session_id for one in snapshot.sessions)
                self._draw()

    async def _follow_calls(self) -> None:
        def noticed(notice: Notice) -> None:
            if isinstance(notice, Gap):
                self._loaded.clear()

        async for event in self._claw.events("tool.*", "message.user", batch=BATCH, notice=noticed):
            self._calls.take(event)
            if event.session_id == self._selected:
                self._soon()

    def _noticed(self, notice: Notice) -> None:
        if isinstance(notice, Lost | Back):
            back = "" if isinstance(notice, Lost) else skew.words(notice.snapshot.server.version)
            if self._snapshot is not None:
                self._status = back or (WAITING if isinstance(notice, Lost) else "")
            self._draw()

    async def _load(self, session_id: str) -> None:
        """Take the past of a session, once."""
        try:
            for event in await self._claw.history(session_id, limit=HISTORY):
                self._calls.take(event)
        except RequestError:
            self._loaded.discard(session_id)
        self._draw()

    # What is drawn

    def _soon(self) -> None:
        """Draw in a moment: many events are drawn once."""
        if not self._due:
            self._due = True
            self.set_timer(0.05, self._draw)

    def _draw(self) -> None:
        self._due = False
        if not self.is_running or not self.query("#head"):
            return
        now = time.time() * 1000
        pane = self._pane("sessions")
        self._choose(pane.moved)
        sessions = self._wanted()
        self._select(sessions)
        self.query_one("#head", Static).update(self._head())
        agents = [] if self._snapshot is None else self._snapshot.agents
        items = []
        for one in sessions:
            mark = pane.mark(selected=one.session_id == self._selected)
            items.append((one.session_id, _content(session_lines(one, agents, pane.look, now), mark)))
        pane.put(items, self._selected)
        self._draw_calls(sessions, now)
        self._tick(sessions)

    def _draw_calls(self, sessions: list[SessionInfo], now: float) -> None:
        pane = self._pane("calls")
        is_at_end = pane.highlighted is None or pane.highlighted >= pane.option_count - 1
        selected = next((one for one in sessions if one.session_id == self._selected), None)
        pane.border_title = Content("calls" if selected is None else f"calls of {pane.look.fit(label(selected), 40)}")
        calls = [] if selected is None else asking(self._calls.of(selected.session_id), selected)
        at = len(calls) - 1 if is_at_end else pane.highlighted
        items = []
        for index, call in enumerate(calls):
            mark = pane.mark(selected=index == at and pane.has_focus)
            items.append((f"{index}", _content(call_lines(call, pane.look, now), mark)))
        pane.put(items, str(at))

    def _head(self) -> Content:
        look = self._look._replace(width=self.size.width)
        sessions = [] if self._snapshot is None else self._snapshot.sessions
        waiting = sum(one.state == "requires_action" for one in sessions)
        said = "" if self._snapshot is None else headline(self._snapshot) or "no sessions"
        used = [one.usage for one in sessions if one.usage is not None and one.usage.model_breakdown]
        facts = [spent(*used)] if used else []
        facts += [
            f"{one.type.replace('_', ' ')} {one.percent_used:.0f} %" for one in limits(sessions, time.time() * 1000)
        ]
        left = [("claw-socket ", "bold")]
        left += [(f" {said} ", STYLES["requires_action"] if waiting else "")] if said else []
        left += [(f" · {fact}", "dim") for fact in facts]
        status = look.fit(self._status, look.width // 2 if said else look.width - 14)
        return _content([between(left, [(f" {status}", "ansi_yellow")] if status else [], look)])

    def _wanted(self) -> list[SessionInfo]:
        """Return the sessions that are shown."""
        if self._snapshot is None:
            return []
        text = self.query_one("#filter", Input).value.casefold()
        agents = self._snapshot.agents
        return [
            one
            for one in by_urgency(self._snapshot.sessions)
            if text in f"{label(one)} {one.cwd} {one.state} {doing(one, agents)} {one.git_branch or ''}".casefold()
        ]

    def _select(self, sessions: list[SessionInfo]) -> None:
        ids = [one.session_id for one in sessions]
        if self._selected not in ids:
            self._selected = ids[0] if ids else None
        if self._selected is not None and self._selected not in self._loaded:
            self._loaded.add(self._selected)
            self.run_worker(self._until_error(self._load(self._selected)))

    def _tick(self, sessions: list[SessionInfo]) -> None:
        """Draw again when an age that is shown is another; never, if there is none."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._snapshot is None or not sessions:
            return
        goes_on = self._selected is not None and any(
            call.name and call.outcome in ("", ASKS) for call in self._calls.of(self._selected)
        )
        wait = 1.0 if goes_on else until_older(self._snapshot)
        if wait is not None:
            self._timer = self.set_timer(max(0.05, wait), self._draw)

    # What its user does

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the calls of the session that was selected."""
        if event.option_list.id == "sessions":
            self._choose(event.option_id)
        self._soon()

    def _choose(self, session_id: str | None) -> None:
        if session_id not in (None, self._selected):
            self._selected = session_id
            self._pane("calls").highlighted = None

    def on_descendant_focus(self) -> None:
        """Move the mark."""
        self._soon()

    def on_resize(self) -> None:
        """Make the head fit."""
        self._soon()

    def on_pane_resized(self) -> None:
        """Make the lines fit."""
        self._soon()

    def on_input_changed(self) -> None:
        """Show what the filter lets through."""
        self._draw()

    def on_input_submitted(self) -> None:
        """Back to the sessions; the filter stays."""
        self._pane("sessions").focus()

    def action_leave(self, code: int) -> None:
        """End."""
        self.exit(code)

    def action_needing(self) -> None:
        """Select the next session that needs its owner."""
        ids = [one.session_id for one in self._wanted() if one.state == "requires_action"]
        if ids:
            at = ids.index(self._selected) + 1 if self._selected in ids else 0
            self._choose(ids[at % len(ids)])
            self._draw()

    def action_filter(self) -> None:
        """Ask what to show."""
        box = self.query_one("#filter", Input)
        box.display = True
        self.screen.set_focus(box)

    def action_unfilter(self) -> None:
        """Show everything."""
        box = self.query_one("#filter", Input)
        box.value = ""
        box.display = False
        self._pane("sessions").focus()
