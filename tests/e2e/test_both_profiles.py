"""The same missions on the embedded profile and on the emulated cloud: the reports are identical outside their provenance.

``scripts/test tests/e2e/test_both_profiles.py`` runs them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from infra.local.drills.standin.playing import METHOD, QUESTION, TABLE
from infra.local.platform import Platform
from schemas.mission import MissionStatus
from shared.settings import Settings
from tests.support.emulated import EmulatedPlatform
from tests.support.waiting import until_ended

STATIONS = "station,year,temp\n" + "".join(
    f"{station},{2000 + n},{base + n * 0.25}\n" for n in range(20) for station, base in (("Bern", 8.0), ("Basel", 10.0), ("Chur", 9.0))
)
OPENINGS = "station,opened\nBern,1864\nBasel,1755\nChur,1887\n"
THERMOMETERS = """# Method

## Instruments

The temperature was measured every hour with a platinum resistance thermometer. It was calibrated each spring.

## Stations

The station of Basel lies 316 m above the sea. The station of Bern was moved in 1978.
"""
STANDARD = {"tier": "standard", "model": {"name": "openai:stand-in", "input_usd": "1", "output_usd": "4"}}


@dataclass(frozen=True)
class Asked:
    """A mission of the suite; ``files`` by name with kind and text."""

    question: str
    files: Mapping[str, tuple[str, str]]
    more: Mapping[str, object] = field(default_factory=dict)


SUITE = {
    "data": Asked("What is the mean temp by station?", {"temp.csv": ("data", STATIONS), "opened.csv": ("data", OPENINGS)}),
    "documents": Asked("How was the temperature measured?", {"method.md": ("document", THERMOMETERS)}),
    "mixed": Asked(
        "Did temp increase over the years in Basel? How was the temperature measured?",
        {"temp.csv": ("data", STATIONS), "method.md": ("document", THERMOMETERS)},
    ),
    "model": Asked(QUESTION, {"heights.csv": ("data", TABLE), "method.md": ("document", f"# Method\n\n{METHOD}\n")}, STANDARD),
}


@pytest.mark.parametrize("name", SUITE)
def test_a_mission_gives_the_same_report_on_both_profiles(
    name: str, emulated_cloud: EmulatedPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = SUITE[name]
    for variable, value in emulated_cloud.standin.environment().items():
        monkeypatch.setenv(variable, value)
    cloud = on_the_emulated_cloud(emulated_cloud, asked)
    embedded = embedded_reports(asked, tmp_path)
    assert outside_provenance(cloud) == outside_provenance(embedded)
    assert json.loads(cloud["json"])["provenance"]["mission_id"] != json.loads(embedded["json"])["provenance"]["mission_id"]
    assert any(section["status"] == "answered" for section in json.loads(cloud["json"])["sections"])
    assert emulated_cloud.standin.refused == []


def on_the_emulated_cloud(platform: EmulatedPlatform, asked: Asked) -> dict[str, bytes]:
    mission_id = platform.submit(asked.question, asked.files, **asked.more)
    ended = platform.until_over(mission_id)
    assert ended.status is MissionStatus.DONE, ended.error
    return platform.reports(mission_id)


def embedded_reports(asked: Asked, tmp_path: Path) -> dict[str, bytes]:
    with (
        Platform(Settings(home=tmp_path / "home"), command="test") as platform,
        httpx.Client(transport=httpx.WSGITransport(app=platform.public), base_url="http://localhost") as client,
    ):
        inputs = []
        for name, (kind, text) in asked.files.items():
            stored = client.put(f"/inputs/{name}", content=text.encode()).json()
            inputs.append({"uri": stored["uri"], "kind": kind, "name": name, "sha256": stored["sha256"], "size": stored["size"]})
        answer = client.post("/missions", json={"question": asked.question, "inputs": inputs, **asked.more})
        assert answer.status_code == 202, answer.text
        mission_id = str(answer.json()["mission_id"])
        assert until_ended(platform, mission_id).status is MissionStatus.DONE
        return {form: client.get(f"/missions/{mission_id}/report?format={form}").content for form in ("json", "md", "html")}


def outside_provenance(reports: Mapping[str, bytes]) -> tuple[object, str, str]:
    """The three formats without the block that says which run this was."""
    outcome = json.loads(reports["json"])
    del outcome["provenance"]
    markdown, found, _ = reports["md"].decode().partition("\n## Provenance\n")
    html, blocks = re.subn(r'<footer id="provenance".*?</footer>', "", reports["html"].decode(), flags=re.DOTALL)
    assert found and blocks == 1 and len(markdown) > 300
    return outcome, markdown, html
