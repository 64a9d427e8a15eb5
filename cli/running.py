"""``kimera run``: one mission from its files to its report, on an embedded platform or the one that serves the data folder."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.asking import Prepared
from cli.console import note
from cli.interruption import Interruption
from cli.progress import on_stderr
from cli.results import tell
from cli.uploading import LARGE_FILE, as_input, upload_and_submit
from cli.watching import Stopping, has_ended, watch
from infra.local.access import artifacts_at_hand, serving, stored
from infra.local.api import MissionsApi, bearer
from infra.local.files import LocalFile
from infra.local.lock import DataFolderLock, Holder
from infra.local.reports import require_writable, save_report
from schemas.mission import MissionRequest, MissionState, Tier, Track
from shared.artifacts import ArtifactStore
from shared.clock import SystemClock
from shared.documents import Json
from shared.errors import Unavailable
from shared.inputs import store_input
from shared.missions.chain import Happening
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change, Missions
from shared.models.research_choice import research_words
from shared.runtime import Runtime
from shared.settings import Settings

if TYPE_CHECKING:
    from infra.local.platform import Platform

_REPORTS = Path("kimera-report")
_EMBEDDED_POLL_S = 0.1
_SERVED_POLL_S = 0.4


@dataclass(frozen=True, slots=True)
class Running:
    """Where a mission runs and where its report goes. ``out``: a folder, else ``kimera-report/<mission>``."""

    settings: Settings
    token: str | None
    out: Path | None
    as_json: bool

    def ask(self, prepared: Prepared) -> int:
        """Submit, watch, report; the exit code."""
        require_writable(self.out or _REPORTS)
        note(budget_line(prepared.request, self.settings))
        holder = serving(self.settings)
        if holder is not None:
            return self._on_served(holder, prepared=prepared, mission_id=None)
        return self._embedded(prepared=prepared, mission_id=None)

    def resume(self, mission_id: str) -> int:
        """Go on with a mission; one that has ended is only reported."""
        require_writable(self._folder(mission_id))
        holder = serving(self.settings)
        if holder is not None:
            return self._on_served(holder, prepared=None, mission_id=mission_id)
        with stored(self.settings) as runtime:
            mission = runtime.missions.owned(mission_id, runtime.identity.owner(bearer(self.token)))
            if mission.over:
                return self._report_ended(runtime, _state(runtime, mission_id))
            DataFolderLock(runtime.home).require_free()
            if mission.request.inputs:
                runtime.sandbox.check()
            if mission.late:
                note("The mission has its report; a late track goes on to upgrade it.")
            if mission.cancel_requested:
                withdraw_cancel(runtime.missions, mission_id)
                note("The cancel is withdrawn; the mission goes on.")
        note(budget_line(mission.request, self.settings))
        return self._embedded(prepared=None, mission_id=mission_id, late=mission.late)

    def _embedded(self, *, prepared: Prepared | None, mission_id: str | None, late: bool = False) -> int:
        from infra.local.platform import OneMission, Platform

        platform = Platform(self.settings, command="kimera run", only=OneMission(mission_id, late))
        if prepared is not None and any(file.kind == "data" for file in prepared.files):
            platform.runtime.sandbox.expect()  # so that it gets ready while the platform does
        with platform, ExitStack() as open_things:
            runtime = platform.runtime
            api = MissionsApi.in_process(platform.public, self.token)
            open_things.callback(api.close)
            if mission_id is None:
                assert prepared is not None
                if prepared.files:
                    runtime.sandbox.check()  # files are read in it only: a mission without it could answer nothing
                owner = runtime.identity.owner(bearer(self.token))
                inputs = [_stored_input(runtime.artifacts, owner, file) for file in prepared.files]
                mission_id = api.submit(prepared.body(inputs)).mission_id
                platform.attend_to(mission_id)
            return self._watch(api, mission_id, artifacts=runtime.artifacts, runtime=runtime, platform=platform, late=late)

    def _on_served(self, holder: Holder, *, prepared: Prepared | None, mission_id: str | None) -> int:
        note(f"The platform at {holder.url} (process {holder.pid}) holds the data folder; the mission runs there.")
        api = MissionsApi.over_http(holder.url, self.token)
        with ExitStack() as open_things:
            open_things.callback(api.close)
            late = mission_id is not None and api.state(mission_id).status.terminal
            if mission_id is None:
                assert prepared is not None
                mission_id = upload_and_submit(api, prepared).mission_id
            artifacts = open_things.enter_context(artifacts_at_hand(self.settings, None))
            return self._watch(api, mission_id, artifacts=artifacts, runtime=None, late=late)

    def _watch(
        self,
        api: MissionsApi,
        mission_id: str,
        *,
        artifacts: ArtifactStore | None,
        runtime: Runtime | None,
        platform: Platform | None = None,
        late: bool = False,
    ) -> int:
        note(f"mission {mission_id}")
        clock = SystemClock()

        def read() -> MissionState:
            try:
                if platform is not None and platform.trouble is not None:
                    raise platform.trouble
                return _state(runtime, mission_id) if runtime else api.state(mission_id)
            except Unavailable as error:
                raise self._with_resume(error, mission_id) from error

        with Interruption(self._resume_command(mission_id)) as interruption:
            state = watch(
                read,
                view=on_stderr(clock),
                clock=clock,
                every_s=_EMBEDDED_POLL_S if runtime else _SERVED_POLL_S,
                until=_is_over if late else has_ended,
                stopping=Stopping(interruption, lambda: api.cancel(mission_id)),
            )
            saved = save_report(api, state, self._folder(mission_id), artifacts) if state.reports else None
        told = tell(state, saved, as_json=self.as_json)
        if state.late_until is not None:
            goes_on = "the platform goes on with it" if runtime is None else f"go on with it: {self._resume_command(mission_id)}"
            note(f"A track was late; until {state.late_until:%Y-%m-%d %H:%M} UTC it can still upgrade the report: {goes_on}")
        return told

    def _with_resume(self, error: Unavailable, mission_id: str) -> Unavailable:
        """The same, with the command that goes on with the mission: with that platform, or without it."""
        return type(error)(
            error.message, remedy=f"{error.remedy} Go on with: {self._resume_command(mission_id)}".strip(), place=error.place
        )

    def _report_ended(self, runtime: Runtime, state: MissionState) -> int:
        from infra.local.functions import public_app

        api = MissionsApi.in_process(public_app(runtime), self.token)
        note(f"The mission has ended: {state.status}.")
        saved = save_report(api, state, self._folder(state.mission_id), runtime.artifacts) if state.reports else None
        return tell(state, saved, as_json=self.as_json)

    def _folder(self, mission_id: str) -> Path:
        return self.out if self.out is not None else _REPORTS / mission_id

    def _resume_command(self, mission_id: str) -> str:
        home = f"KIMERA_HOME={shlex.quote(os.environ['KIMERA_HOME'])} " if os.environ.get("KIMERA_HOME") else ""
        out = f" --out {shlex.quote(str(self.out))}" if self.out is not None else ""
        return f"{home}kimera run --resume {mission_id}{out}"


def budget_line(request: MissionRequest, settings: Settings) -> str:
    """The first line of every mission: what it runs on, and what it can cost."""
    beyond = research_words(request)
    if request.tier is Tier.EXTRACTIVE and not beyond:
        return "extractive: no model, $0"
    model = f" ({request.model.name})" if request.model else ""
    cap, day = (f"{amount.normalize():f}" for amount in (request.budget.cap_usd, settings.day_budget_usd))
    return f"{request.tier}{model}{', with ' + beyond if beyond else ''}: at most ${cap} for this mission, and ${day} a day"


def _stored_input(artifacts: ArtifactStore, owner: str, file: LocalFile) -> Json:
    progress = _Percent(file) if file.size >= LARGE_FILE else None
    stored_file = store_input(artifacts, owner=owner, name=file.name, source=file.path, seen=progress.seen if progress else None)
    return as_input(file, stored_file.uri, stored_file.sha256, stored_file.size)


def _is_over(state: MissionState) -> bool:
    return state.over


def withdraw_cancel(missions: Missions, mission_id: str) -> None:
    """Who resumes a mission that was left while it was being stopped wants it to go on. What was closed by then stays closed."""

    def decide(mission: MissionRecord, _: dict[Track, TrackRecord]) -> Change | None:
        if mission.over or not mission.cancel_requested:
            return None
        return Change(mission.model_copy(update={"cancel_requested": False}), [Happening("mission.cancel_withdrawn")])

    missions.change(mission_id, "api", decide)


class _Percent:
    """Says how far a large file is read, in steps of ten per cent."""

    def __init__(self, file: LocalFile) -> None:
        self._file = file
        self._said = -1

    def seen(self, size: int) -> None:
        """That many bytes are read."""
        tenth = size * 10 // max(1, self._file.size)
        if tenth != self._said:
            self._said = tenth
            print(f"reading {self._file.name}: {tenth * 10} % of {self._file.size / 1e9:.1f} GB", file=sys.stderr, flush=True)


def _state(runtime: Runtime, mission_id: str) -> MissionState:
    """Read from the stores, so that watching leaves no trail of calls in the telemetry."""
    mission = runtime.missions.get(mission_id)
    if not mission.over:
        runtime.require_progress()
    return runtime.missions.state(mission)
