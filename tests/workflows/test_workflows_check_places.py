"""Where ``kimera workflows check`` says a mistake is.

The folder ``mistakes`` has a file for each page on the syntax. A document in it is a definition with one mistake; ``# <-`` marks its line
and names its step.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.local.workflows.check import check

DOCUMENTS = [
    pytest.param(text, id=f"{page.stem}: {text.partition(chr(10))[0].removeprefix('# ')}")
    for page in sorted((Path(__file__).parent / "mistakes").glob("*.yaml"))
    for text in page.read_text("utf-8").split("---\n")
]


@pytest.mark.parametrize("text", DOCUMENTS)
def test_a_mistake_is_named_once_with_its_step_and_line(text: str) -> None:
    ((line, step),) = ((number, found[1]) for number, row in enumerate(text.split("\n"), 1) if (found := re.search(r"# <- ?(.*)$", row)))
    problems = check(text, name="flow.yaml")
    assert [(problem.line, problem.step) for problem in problems] == [(line, step)], [problem.text("flow.yaml") for problem in problems]


def test_every_page_has_its_mistakes() -> None:
    assert len(DOCUMENTS) > 100
