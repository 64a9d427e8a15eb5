"""Every operation of the API as ``kimera serve`` documents it, under schemathesis: requests that fit the document, and that do not.

No 5xx, and no status, header, media type or body that is not documented. ``KIMERA_CASES=1000`` asks with that many examples of an
operation in place of the few that the test run has time for.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.dead_letters import keep
from shared.documents import Json
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.command import Kimera, eventually

EXAMPLES = int(os.environ.get("KIMERA_CASES", "10"))
"""Of each operation and phase."""
SECONDS_AN_EXAMPLE = 20
pytestmark = [pytest.mark.bubblewrap, pytest.mark.slow, pytest.mark.timeout(300 + EXAMPLES * SECONDS_AN_EXAMPLE)]

QUESTION = "What is the mean temp by city?"
CONFIGURATION = """
continue-on-failure = true
[dictionaries.ended]
values = {ended}
[dictionaries.unwanted]
values = {unwanted}
[dictionaries.letters]
values = {letters}
[parameters]
mission_id = {{dictionary = "ended", probability = 0.5}}
[[operations]]
include-path-regex = "^/dead-letters/"
parameters = {{name = {{dictionary = "letters", probability = 0.5}}}}
[[operations]]
include-name = "DELETE /missions/{{mission_id}}"
parameters = {{mission_id = {{dictionary = "unwanted", probability = 0.5}}}}
[[operations]]
include-name = "POST /missions"
# No schema says whether a question is understood, whether there is anything to work on, or whether a file was uploaded before.
checks = {{positive_data_acceptance = {{expected-statuses = ["2xx", 400, 409, 422]}}}}
[[operations]]
include-name = "PUT /inputs/{{name}}"
# Nor which characters of Unicode cannot be seen.
checks = {{positive_data_acceptance = {{expected-statuses = ["2xx", 400]}}}}
[[operations]]
include-name = "POST /dead-letters/{{name}}/discard"
# Nor which of them are white space: the dialects of patterns do not agree.
checks = {{positive_data_acceptance = {{expected-statuses = ["2xx", 400, 404, 409]}}}}
[[operations]]
include-name = "GET /dead-letters"
# Nor which names a document may have, and which there are.
checks = {{positive_data_acceptance = {{expected-statuses = ["2xx", 400, 404]}}}}
[[operations]]
include-name = "GET /costs"
# Nor which day has not begun.
checks = {{positive_data_acceptance = {{expected-statuses = ["2xx", 400]}}}}
"""


@dataclass(frozen=True)
class Served:
    """A platform with missions that have ended, and messages that could not be delivered."""

    url: str
    missions: list[str]
    letters: list[str]


@pytest.fixture
def served(bubblewrap: object, tmp_path: Path) -> Iterator[Served]:
    kimera = Kimera(tmp_path)
    tmp_path.joinpath("note.md").write_text("# Weather\n\nThe mean temperature in Bern was 12 degrees.\n")
    assert kimera("space", "add", "default", "note.md").code == 0
    with kimera.started("serve", "--port", "0", KIMERA_MAX_RUNNING="1") as running:
        url = running.line_with("KIMERA is at").split()[3]
        file = httpx.put(f"{url}/inputs/a.csv", content=b"city,temp\nBern,12\nBern,13\nBasel,15\n").json()
        body = {"question": QUESTION, "inputs": [{"uri": file["uri"], "kind": "data", "name": "a.csv"}]}
        missions = [str(httpx.post(f"{url}/missions", json=body).json()["mission_id"]) for _ in range(4)]
        for mission in missions:
            eventually(lambda: httpx.get(f"{url}/missions/{mission}").json()["status"] == "DONE", "it is done")  # noqa: B023 - called at once
        yield Served(url, missions, undelivered(kimera.home, missions[0]))


def undelivered(home: Path, mission: str) -> list[str]:
    """The names of dead letters that are put into the data folder: dispatches of a mission that has ended, which change nothing."""
    with closing(Runtime(Settings(home=home))) as runtime:
        names = [f"dispatch-{number}" for number in range(6)]
        for name in names:
            payload: Json = {"mission_id": mission, "epoch": 1}
            at = runtime.clock.now()
            keep(runtime.documents, name, route="lifecycle/dispatch", payload=payload, error="no answer", deliveries=20, at=at)
    return names


def test_every_operation_answers_as_documented_whatever_it_is_asked(served: Served, tmp_path: Path) -> None:
    document = httpx.get(f"{served.url}/openapi.json").json()
    for operation in operations(document).values():
        del operation["responses"]["default"]  # it would document any status
    tmp_path.joinpath("openapi.json").write_text(json.dumps(document))
    ended, unwanted = served.missions[:2], served.missions[2:]
    tmp_path.joinpath("schemathesis.toml").write_text(
        CONFIGURATION.format(ended=json.dumps(ended), unwanted=json.dumps(unwanted), letters=json.dumps(served.letters))
    )
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("st"), "--config-file", "schemathesis.toml", "--no-color"),
            *("run", "openapi.json", "--url", served.url, "--max-examples", str(EXAMPLES)),
            *("--report", "ndjson", "--report-ndjson-path", "cases.ndjson"),
            *(("--generation-deterministic",) if os.environ.get("CI") == "true" else ()),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)  # pytest shows it where the test fails, and to who asks for it with -s
    assert done.returncode == 0
    answered = statuses(tmp_path / "cases.ndjson", document)
    for name, operation in operations(document).items():
        successes = {status for status in operation["responses"] if status.startswith("2")}
        assert successes <= answered[name], f"{name} never succeeded: {answered[name]}"


def operations(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The operations by method and path."""
    return {f"{method.upper()} {path}": operation for path, methods in document["paths"].items() for method, operation in methods.items()}


def statuses(report: Path, document: Mapping[str, Any]) -> dict[str, set[str]]:
    """The statuses that each operation was seen to answer with."""
    found: dict[str, set[str]] = {name: set() for name in operations(document)}
    patterns = {name: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(name))) for name in found}
    for line in report.read_text().splitlines():
        for interaction in json.loads(line).get("ScenarioFinished", {}).get("recorder", {}).get("interactions", {}).values():
            request, response = interaction["request"], interaction["response"]
            asked = f"{request['method']} {httpx.URL(request['uri']).path}"
            for name, pattern in patterns.items():
                if response is not None and pattern.fullmatch(asked):
                    found[name].add(str(response["status_code"]))
    return found
