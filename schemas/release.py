"""The contracts as JSON Schemas: exported to ``schemas/v1/``, and checked against what was exported before.

What lies in ``schemas/v1/`` is released. ``stale`` finds what an export would change; what of that is breaking needs a new version
(``schemas/v2/``, an upcast on read), not another export.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, JsonValue

from schemas.analysis import AnalyticalReportPackage
from schemas.compatibility import Difference, differences
from schemas.events import Anchor, AuditEvent
from schemas.evidence import ResearchEvidencePackage
from schemas.fusing import FuseRequest, FuseResult
from schemas.fusion import Alignment, FusionInputPackage
from schemas.gate import GateRequest, GateResult
from schemas.handoff import TrackOffers
from schemas.letters import Kept
from schemas.lifecycle import (
    AdvanceRequest,
    ClaimRequest,
    ClaimResult,
    CompensateRequest,
    DispatchRequest,
    DispatchResult,
    EraseRequest,
    EraseResult,
    MissionStatusResult,
    ReconcileRequest,
    ReconcileResult,
)
from schemas.messages import ExecutionRef
from schemas.mission import MissionRequest, MissionState
from schemas.outcome import MissionOutcomePackage
from schemas.problem import Problem
from schemas.research_jobs import StopRequest, StopResult
from schemas.sandbox import SandboxHealth, SandboxRunRequest, SandboxRunResult
from schemas.steps import StepRequest, StepResult
from schemas.uploads import IntakeResult

VERSION = "v1"
FOLDER = Path(__file__).parent / VERSION
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

TOP_LEVEL: tuple[type[BaseModel], ...] = (
    MissionRequest,
    MissionState,
    ResearchEvidencePackage,
    AnalyticalReportPackage,
    TrackOffers,
    FusionInputPackage,
    Alignment,
    MissionOutcomePackage,
    AuditEvent,
    Anchor,
    Problem,
    SandboxRunRequest,
    SandboxRunResult,
    SandboxHealth,
    ExecutionRef,
    DispatchRequest,
    DispatchResult,
    EraseRequest,
    EraseResult,
    ClaimRequest,
    ClaimResult,
    StepRequest,
    StepResult,
    StopRequest,
    StopResult,
    GateRequest,
    GateResult,
    AdvanceRequest,
    FuseRequest,
    FuseResult,
    CompensateRequest,
    MissionStatusResult,
    ReconcileRequest,
    IntakeResult,
    Kept,
    ReconcileResult,
)
"""Every contract that crosses a boundary by itself; the others are parts of these."""


@dataclass(frozen=True, slots=True)
class Stale:
    """An exported file that is not what the code says now. ``differences`` is empty where only texts changed."""

    file: str
    differences: tuple[Difference, ...]
    what: str = ""

    @property
    def breaking(self) -> tuple[Difference, ...]:
        """The changes that need a new version."""
        return tuple(d for d in self.differences if d.breaking)


def schema_of(model: type[BaseModel]) -> dict[str, JsonValue]:
    """The model's JSON Schema as it is exported: what is accepted when a message or document is read."""
    return {"$schema": _DIALECT, "$id": f"urn:kimera:{VERSION}:{model.__name__}", **model.model_json_schema(mode="validation")}


def exported() -> dict[str, str]:
    """File name -> text of every export; the same code gives the same bytes."""
    return {f"{model.__name__}.json": _text(schema_of(model)) for model in TOP_LEVEL}


def stale(folder: Path = FOLDER) -> list[Stale]:
    """What an export would change in ``folder``, file by file."""
    found: list[Stale] = []
    current = {f"{model.__name__}.json": model for model in TOP_LEVEL}
    for name, model in current.items():
        path = folder / name
        if not path.exists():
            found.append(Stale(name, (), "it was never exported"))
            continue
        released = path.read_text(encoding="utf-8")
        schema = schema_of(model)
        if released != _text(schema):
            found.append(_compared(name, model.__name__, released, schema))
    for path in sorted(folder.glob("*.json")):
        if path.name not in current:
            found.append(Stale(path.name, (Difference(path.stem, "the contract was removed or renamed", True),)))
    return found


def export(folder: Path = FOLDER) -> list[str]:
    """Write every export; the names of the files that changed. Files of contracts that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    current = exported()
    changed: list[str] = []
    for path in sorted(folder.glob("*.json")):
        if path.name not in current:
            path.unlink()
            changed.append(path.name)
    for name, text in current.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed


def _compared(file: str, name: str, released: str, schema: Mapping[str, JsonValue]) -> Stale:
    try:
        old = json.loads(released)
    except ValueError:
        return Stale(file, (), "the exported file is damaged")
    found = tuple(differences(name, old, schema))
    return Stale(file, found, "" if found else "only texts or defaults changed")


def _text(schema: Mapping[str, JsonValue]) -> str:
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
