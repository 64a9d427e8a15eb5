"""A small mission of research with honest models, for tests that change one of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schemas.evidence import ResearchEvidencePackage
from tests.support.research_models import Player, Players, concludes, judges, no_plan, reads

QUESTION = "What was the mean temperature in Bern, and why have visitors increased?"


TEMPERATURE = "The mean annual temperature in Bern was 8.8 °C in 2015."


VISITORS = "This happened because the new railway line brought more people to the region."


HONEST = {
    TEMPERATURE: "In 2015 the annual mean temperature in Bern was 8.8 °C.",
    VISITORS: "More visitors came because a new railway line brought people to the region.",
}


def players(
    *,
    planner: Player = no_plan,
    reader: Player | None = None,
    auditor: Player | None = None,
    synthesizer: Player | None = None,
    claims: Mapping[str, str] = HONEST,
) -> Players:
    return Players(
        planner=planner,
        reader=reader or reads(claims),
        auditor=auditor or judges("entailed"),
        synthesizer=synthesizer or concludes(),
    )


def note(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def statuses(package: ResearchEvidencePackage) -> list[str]:
    return [answer.status for answer in package.answers]


def supports(package: ResearchEvidencePackage) -> dict[str, str]:
    return {claim.text: claim.support for claim in package.claims}
