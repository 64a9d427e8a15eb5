"""The state machine of a mission: ``PENDING -> RUNNING -> FUSION -> DONE``; FAILED and CANCELLED from the first three."""

from __future__ import annotations

from schemas.mission import FusionStatus, MissionStatus
from shared.errors import IllegalTransition

_ENDS = {MissionStatus.FAILED, MissionStatus.CANCELLED}
MISSION_ARROWS: dict[MissionStatus, set[MissionStatus]] = {
    MissionStatus.PENDING: {MissionStatus.RUNNING, *_ENDS},
    MissionStatus.RUNNING: {MissionStatus.FUSION, *_ENDS},
    MissionStatus.FUSION: {MissionStatus.DONE, *_ENDS},
    MissionStatus.DONE: set(),
    MissionStatus.FAILED: set(),
    MissionStatus.CANCELLED: set(),
}
FUSION_ARROWS: dict[FusionStatus, set[FusionStatus]] = {
    FusionStatus.PENDING: {FusionStatus.PARTIAL, FusionStatus.FINAL, FusionStatus.FAILED},
    FusionStatus.PARTIAL: {FusionStatus.PARTIAL, FusionStatus.FINAL, FusionStatus.FAILED},
    FusionStatus.FINAL: {FusionStatus.UPGRADED},
    FusionStatus.UPGRADED: {FusionStatus.UPGRADED},
    FusionStatus.FAILED: set(),
}


def check_mission(old: MissionStatus, new: MissionStatus) -> None:
    """Raise ``IllegalTransition`` unless a mission may go from ``old`` to ``new``."""
    if new not in MISSION_ARROWS[old]:
        raise IllegalTransition(f"A mission that is {old} cannot become {new}.")


def check_fusion(old: FusionStatus, new: FusionStatus) -> None:
    """Raise ``IllegalTransition`` unless the fusion status may go from ``old`` to ``new``."""
    if new not in FUSION_ARROWS[old]:
        raise IllegalTransition(f"A fusion that is {old} cannot become {new}.")
