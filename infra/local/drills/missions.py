"""What drills ask of a platform: small missions whose every answer is known, with a model or without one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from infra.local.api import MissionsApi
from infra.local.drills.drill import DrillFailed, Scene
from infra.local.drills.standin.playing import METHOD, QUESTION, TABLE
from schemas.mission import MissionState
from shared.documents import Json, JsonMap
from shared.errors import KimeraError, Unavailable
from shared.models.calls import Price

PRICE = Price(Decimal(1), Decimal(4))
EXTRACTIVE: JsonMap = {"tier": "extractive"}
WITH_MODEL: JsonMap = {"tier": "standard", "model": {"name": "openai:stand-in", "input_usd": "1", "output_usd": "4"}}
ONLY_RESEARCH: JsonMap = {"tracks": {"ds_star": {"enabled": False}}}
ONLY_ANALYSIS: JsonMap = {"tracks": {"deep_research": {"enabled": False}}}
END_WITHIN_S = 240.0
FILES = {"heights.csv": ("data", TABLE.encode()), "method.md": ("document", f"# Method\n\n{METHOD}\n".encode())}


@dataclass(frozen=True)
class Asked:
    """A mission: ``files`` by name with kind and content, ``more`` of its request."""

    more: JsonMap = field(default_factory=lambda: WITH_MODEL)
    question: str = QUESTION
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=lambda: FILES)

    def upload(self, api: MissionsApi, folder: Path) -> JsonMap:
        """The request, its files uploaded."""
        inputs: list[Json] = []
        folder.mkdir(parents=True, exist_ok=True)
        for name, (kind, content) in self.files.items():
            path = folder / name
            path.write_bytes(content)
            stored = api.upload(path, name)
            inputs.append({"uri": stored.uri, "kind": kind, "name": name, "sha256": stored.sha256, "size": stored.size})
        return {"question": self.question, "inputs": inputs, **self.more}

    def put(self, folder: Path) -> None:
        """Put it into a folder of an inbox, the manifest last."""
        folder.mkdir(parents=True)
        names: dict[str, list[Json]] = {"data": [], "document": []}
        for name, (kind, content) in self.files.items():
            (folder / name).write_bytes(content)
            names[kind].append(name)
        manifest: JsonMap = {"question": self.question, "data": names["data"], "docs": names["document"], **self.more}
        (folder / "mission.json").write_text(json.dumps(manifest), encoding="utf-8")


def submit(api: MissionsApi, request: JsonMap, key: str) -> str | None:
    """The mission's id; ``None`` where the platform went away before it answered, so nobody knows whether it was accepted."""
    try:
        return api.submit(request, idempotency_key=key).mission_id
    except Unavailable:
        return None


def until_over(scene: Scene, api: MissionsApi, mission_id: str, *, seconds: float = END_WITHIN_S) -> MissionState:
    """The mission once nothing of it goes on. That the platform cannot answer for a while is part of the drill."""
    last: MissionState | KimeraError | None = None

    def look() -> MissionState | None:
        nonlocal last
        try:
            last = api.state(mission_id)
        except Unavailable as error:
            last = error
            return None
        return last if last.over else None

    try:
        return scene.until(look, f"the end of mission {mission_id}", seconds=seconds)
    except DrillFailed as failed:
        raise DrillFailed(f"{failed.message} It stands so: {_short(last)}") from failed


def _short(last: MissionState | KimeraError | None) -> str:
    if not isinstance(last, MissionState):
        return str(last)
    tracks = {name.value: (t.status.value, t.next_seq, t.waiting_for) for name, t in last.track_status.items()}
    return f"{last.status}, epoch {last.epoch}, {tracks}, flags {last.flags}"
