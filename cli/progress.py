"""What a person sees while a mission runs: both tracks side by side on a terminal, a line for each change elsewhere. All on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from schemas.mission import MissionState, MissionStatus, Track, TrackState, TrackStatus
from shared.clock import Clock

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

TITLES = {Track.DEEP_RESEARCH: "Deep Research", Track.DS_STAR: "DS-STAR"}
_KEPT_LINES = 6
_QUIET_S = 60.0
"""After which it is said that nothing is new; then after twice that time, and so on."""


class Progress(Protocol):
    """Shows a mission's states as they come; a context manager, so that a terminal is left as it was."""

    def show(self, state: MissionState) -> None: ...

    def say(self, text: str) -> None:
        """A line about the mission as a whole."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def progress_on(stream: TextIO, clock: Clock) -> Progress:
    """Side by side where a person looks at a terminal, else plain lines."""
    if stream.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return SideBySide(stream, clock)
    return PlainLines(stream, clock)


def describe(state: TrackState) -> str:
    """A track's status in a few words: what it found, or what it waits for."""
    parts = [state.status.value.lower()]
    if state.waiting_for:
        parts.append(f"waits for {state.waiting_for}")
    elif state.status is TrackStatus.PENDING:
        parts.append("waits for its turn")
    if state.error:
        parts.append(f"{state.error.message} {state.error.remedy}".strip())
    elif state.progress:
        parts.append(state.progress)
    return ": ".join(parts)


def describe_mission(state: MissionState) -> str:
    """The mission's own status in a few words."""
    if state.status is MissionStatus.PENDING:
        return "waits for its turn"
    if state.status is MissionStatus.FUSION:
        return "fusing both tracks into the report"
    partial = f", report {state.reports[-1].version} ({state.reports[-1].kind}) is out" if state.reports else ""
    asked = ", stopping" if state.cancel_requested and not state.status.terminal else ""
    late = ", a late track goes on" if state.late_until is not None else ""
    return f"{state.status.value.lower()}{asked}{partial}{late}"


class PlainLines:
    """One line for each change, with the seconds since the start."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._began = clock.monotonic()
        self._last: dict[str, str] = {}
        self._changed_at = self._began
        self._quiet_s = _QUIET_S

    def show(self, state: MissionState) -> None:
        """Print what changed; at times that nothing did, so that nobody takes a long step for a hang."""
        self._changed("mission", describe_mission(state))
        for track, track_state in sorted(state.track_status.items()):
            if track_state.status is not TrackStatus.SKIPPED:
                self._changed(TITLES[track], describe(track_state))
        quiet_s = self._clock.monotonic() - self._changed_at
        if quiet_s >= self._quiet_s and not state.status.terminal:
            self._quiet_s *= 2
            at_work = [TITLES[track] for track, found in sorted(state.track_status.items()) if found.status is TrackStatus.RUNNING]
            who = f"; at work: {', '.join(at_work)}" if at_work else ""
            self.say(f"{'mission':<13}  nothing new for {quiet_s:.0f} s{who}")

    def say(self, text: str) -> None:
        """Print it."""
        print(f"[{self._clock.monotonic() - self._began:6.1f}s] {text}", file=self._stream, flush=True)

    def _changed(self, who: str, what: str) -> None:
        if self._last.get(who) != what:
            self._last[who] = what
            self._changed_at, self._quiet_s = self._clock.monotonic(), _QUIET_S
            self.say(f"{who:<13}  {what}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


class SideBySide:
    """Two columns that are drawn anew in place; the last lines of each track stay in sight."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        from rich.console import Console

        self._console: Console = Console(file=stream, highlight=False)
        self._clock = clock
        self._began = clock.monotonic()
        self._lines: dict[Track, list[str]] = {track: [] for track in TITLES}
        self._state: MissionState | None = None
        self._live: Live | None = None

    def show(self, state: MissionState) -> None:
        """Draw it."""
        self._state = state
        for track, track_state in state.track_status.items():
            lines = self._lines[track]
            if track_state.progress and (not lines or lines[-1] != track_state.progress):
                lines.append(track_state.progress)
                del lines[:-_KEPT_LINES]
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)

    def say(self, text: str) -> None:
        """A line above the picture."""
        from rich.text import Text

        self._console.print(Text(text))

    def _picture(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        if self._state is None:
            return Text("...")
        table = Table(expand=True, show_edge=True)
        cells: list[RenderableType] = []
        for track, title in TITLES.items():
            found = self._state.track_status.get(track)
            if found is None or found.status is TrackStatus.SKIPPED:
                continue
            table.add_column(Text(f"{title}  {found.status.value.lower()}, slice {found.next_seq}"), ratio=1, overflow="fold")
            lines = [*self._lines[track]]
            if found.waiting_for:
                lines.append(f"waits for {found.waiting_for}")
            if found.error:
                lines.append(f"{found.error.message} {found.error.remedy}".strip())
            cells.append(Text("\n".join(lines) or "waits for its turn"))
        if cells:
            table.add_row(*cells)
        seconds = self._clock.monotonic() - self._began
        return Group(table, Text(f"{seconds:6.1f}s  mission {describe_mission(self._state)}"))

    def __enter__(self) -> Self:
        from rich.live import Live

        self._live = Live(self._picture(), console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)
            self._live = None


Read = Callable[[], MissionState]


def on_stderr(clock: Clock) -> Progress:
    """The usual one."""
    return progress_on(sys.stderr, clock)
