"""docs/adding-a-role.md: its role and its prompt work as they stand, and its test passes."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from shared.models.prompts import Prompt

PAGE = (Path(__file__).parents[2] / "docs" / "adding-a-role.md").read_text("utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_s_role_its_prompt_and_its_test_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [kind for kind, _ in BLOCKS] == ["jinja", "python", "python"]
    (prompt, role, test) = (text for _, text in BLOCKS)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "skeptic.md.j2").write_text(prompt, "utf-8")
    (tmp_path / "skeptic.py").write_text(role, "utf-8")
    spec = importlib.util.spec_from_file_location("skeptic", tmp_path / "skeptic.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "skeptic", module)
    spec.loader.exec_module(module)
    front = Prompt(tmp_path / "prompts" / "skeptic.md.j2").front
    assert (front.id, front.output) == ("ds_star.skeptic", "SkepticAnswer")
    exec(compile(test, "docs/adding-a-role.md", "exec"), dict(vars(module)))  # our own page
