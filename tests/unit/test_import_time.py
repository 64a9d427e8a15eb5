"""What a function imports when an instance starts: nothing heavy, since every cold start pays for it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from functions.manifest import MANIFEST, Dependencies

ROOT = Path(__file__).parents[2]
HEAVY = (
    "pandas",
    "numpy",
    "google.cloud",
    "neo4j",
    "duckdb",
    "matplotlib",
    "pint",
    "rich",
    "typer",
    "pydantic_ai",
    "pybreaker",
    "tenacity",
    "openai",
    "google.genai",
)
NOT_FOR_CONTROL = (
    "schemas.analysis",
    "schemas.evidence",
    "schemas.fusion",
    "schemas.outcome",
    "shared.knowledge",
    "shared.language",
    "shared.ledger.book",
    "shared.ledger.ledger",
    "shared.ledger.records",
    "shared.missions.audit",
    "shared.missions.slices",
    "shared.missions.view",
    "shared.models.access",
    "shared.models.calls",
    "shared.reading",
    "shared.runtime",
    "shared.telemetry.rows",
    "schemas.fusing",
    "schemas.research_jobs",
    "schemas.uploads",
    "shared.tracks",
    "sqlite3",
    "tomllib",
)
"""What the packages of the tracks, the knowledge and the models bring along: a control function needs it late, or never."""
OF_MISSIONS = ("schemas.mission", "schemas.steps", "shared.missions.records", "shared.missions.repository")
NOT_FOR_EACH = {
    "functions.budget.main": ("schemas.letters", "schemas.lifecycle", "shared.dead_letters"),
    "functions.lifecycle.main": ("schemas.gate", "schemas.letters", "shared.dead_letters"),
    "functions.dead_letter.main": ("schemas.gate", "schemas.lifecycle", *OF_MISSIONS),
}
"""What only the other control functions need, or a call that is one in many: each contract that is named costs its part of a start."""
CONTROL = [row.module for row in MANIFEST if row.dependencies is Dependencies.CONTROL]
ENTRY_POINTS = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("functions/*/main.py"))

LOADED = """
import importlib, sys
import functions_framework  # every instance loads it; what counts is what comes on top
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print(*sorted(set(sys.modules) - before))
"""

EVERYTHING_OF_A_RUN = """
import sys
before = set(sys.modules)  # a development environment prepares namespaces by itself
import functions.sandbox.main
functions.sandbox.main.this_instance()
print(*sorted(set(sys.modules) - before))
"""


def heavy_modules_loaded_by(module: str, heavies: Sequence[str] = HEAVY) -> list[str]:
    """Those of the heavy ones that are in memory once ``module`` is imported, in a fresh interpreter."""
    answer = subprocess.run([sys.executable, "-c", LOADED, module], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return [name for name in answer.stdout.split() if any(name == heavy or name.startswith(f"{heavy}.") for heavy in heavies)]


@pytest.mark.skipif(not ENTRY_POINTS, reason="no function exists yet")
@pytest.mark.parametrize("module", ENTRY_POINTS)
def test_a_function_imports_nothing_heavy(module: str) -> None:
    assert heavy_modules_loaded_by(module) == []


@pytest.mark.parametrize("module", CONTROL)
def test_a_control_function_imports_only_what_its_calls_need(module: str) -> None:
    assert heavy_modules_loaded_by(module, (*NOT_FOR_CONTROL, *NOT_FOR_EACH[module])) == []


def test_the_sandbox_service_loads_nothing_of_googles_nor_of_any_other_client() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", EVERYTHING_OF_A_RUN], cwd=ROOT, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin"}
    )
    assert answer.returncode == 0, answer.stderr
    modules = answer.stdout.split()
    # functions-framework brings a class for the context of an event under Google's name, and nothing else of it.
    googles = [name for name in modules if name.startswith("google") and not name.startswith("google.cloud.functions")]
    assert googles == []
    loaded = {name.partition(".")[0] for name in modules}
    assert loaded & {"grpc", "requests", "httpx", "urllib3", "neo4j", "openai", "pydantic_settings", "proto"} == set()
    assert {"flask", "functions"} <= loaded


def test_only_the_links_to_providers_import_the_sdks_of_models() -> None:
    """There is no way to a model but the chain."""
    sdk = re.compile(r"^\s*(?:from|import)\s+(?:pydantic_ai|openai|google\.genai|google\s+import\s+.*\bgenai)\b", re.MULTILINE)
    files = [path for folder in ("cli", "functions", "infra", "schemas", "shared") for path in (ROOT / folder).rglob("*.py")]
    standins = ROOT / "infra/local/drills/standin"  # they speak the providers' protocols, with the types of their own SDKs
    found = {str(path.relative_to(ROOT)) for path in files if standins not in path.parents and sdk.search(path.read_text(encoding="utf-8"))}
    assert found == {"shared/models/provider.py", "shared/models/own_endpoint.py", "shared/adapters/gemini_research.py"}


def test_a_heavy_import_would_be_seen() -> None:
    assert "neo4j" in heavy_modules_loaded_by("neo4j")
