"""Every prompt of the repository: a changed text has a new version."""

from __future__ import annotations

import json
import os
from pathlib import Path

from shared.models.prompts import Prompt

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "tests" / "snapshots" / "prompts.json"
ACCEPT = "KIMERA_ACCEPT_PROMPTS"
HOW = f"Raise `version` in its front matter, then run: {ACCEPT}=1 scripts/test tests/unit/test_prompts.py"
Snapshot = dict[str, dict[str, int | str]]


def prompts() -> list[Prompt]:
    """Every prompt file of the code."""
    folders = ("shared", "functions", "infra", "cli")
    return [Prompt(path) for folder in folders for path in sorted((ROOT / folder).rglob("prompts/*.md.j2"))]


def changes(known: Snapshot, now: Snapshot) -> list[str]:
    """What is wrong with going from the accepted prompts to those there are; empty where they are the same."""
    found = []
    for name, prompt in now.items():
        before = known.get(name)
        if before is None:
            found.append(f"{name} is new. Accept it: {ACCEPT}=1 scripts/test tests/unit/test_prompts.py")
        elif prompt["sha256"] != before["sha256"] and int(prompt["version"]) <= int(before["version"]):
            found.append(f"the text of {name} changed without a new version. {HOW}")
        elif prompt != before:
            found.append(f"{name} has a new version that is not accepted yet. {HOW}")
    return found + [f"{name} is gone. {HOW}" for name in known.keys() - now.keys()]


def test_a_changed_text_has_a_new_version() -> None:
    now: Snapshot = {p.front.id: {"version": p.front.version, "sha256": p.sha256} for p in prompts()}
    known: Snapshot = json.loads(SNAPSHOT.read_text(encoding="utf-8")) if SNAPSHOT.exists() else {}
    found = changes(known, now)
    if os.environ.get(ACCEPT) and not any("without a new version" in change for change in found):
        SNAPSHOT.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return
    assert not found, "\n".join(found)


def test_the_snapshot_refuses_what_it_should() -> None:
    known: Snapshot = {"a.b": {"version": 1, "sha256": "x"}}
    assert changes(known, known) == []
    assert "without a new version" in changes(known, {"a.b": {"version": 1, "sha256": "y"}})[0]
    assert "not accepted yet" in changes(known, {"a.b": {"version": 2, "sha256": "y"}})[0]
    assert "is new" in changes({}, known)[0] and "is gone" in changes(known, {})[0]


def test_every_prompt_has_an_id_of_its_own_after_its_place_and_a_name_for_its_output() -> None:
    found = prompts()
    assert len({p.front.id for p in found}) == len(found)
    for prompt in found:
        area, _, name = prompt.front.id.partition(".")
        assert name == prompt.path.name.removesuffix(".md.j2") and area in prompt.path.parts, prompt.path
        assert prompt.front.output and prompt.front.version >= 1
