"""What a worded finding asserts: figure and unit from the recorded value, names only as far as recorded words bear them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.ds_star.asserting import About, assertion_of
from functions.fusion.alignment import align
from schemas.analysis import Value
from schemas.assertion import Assertion
from shared.sandbox import CodeSandbox
from tests.support.analysis import MEANS, SUFFICIENT, Mission, code, say, step
from tests.support.models import Scripted
from tests.support.packages import research
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
MEAN = Value(id="v1", name="mean height, red team, 2020", value=169.7, unit="cm", n=15, filters="team is red", run="r1", line=4)
OTHER = Value(id="v2", name="mean height, blue team", value=168, unit="cm", n=15, filters="team is blue", run="r1", line=4)
COLUMNS = ("team", "height_cm")


def test_one_figure_is_asserted_with_its_unit_and_the_names_that_were_recorded() -> None:
    found = assertion_of(About(measure="height", entity="red", statistic="mean", period="2020"), [MEAN], COLUMNS)
    assert found == Assertion(
        entity="red", measure="height", statistic="mean", comparator="=", value=169.7, unit="cm", period="2020", modality="observed"
    )


def test_several_values_assert_no_figure() -> None:
    found = assertion_of(About(measure="height", statistic="mean"), [MEAN, OTHER], COLUMNS)
    assert found is not None and (found.measure, found.statistic, found.value, found.unit) == ("height", "mean", None, None)
    text = OTHER.model_copy(update={"value": "Ada"})
    assert assertion_of(About(measure="height"), [text], COLUMNS) == Assertion(measure="height", modality="observed")


@pytest.mark.parametrize(
    ("about", "unknown"),
    [
        ({"entity": "green"}, "entity"),
        ({"statistic": "median"}, "statistic"),
        ({"statistic": "other"}, "statistic"),
        ({"period": "1999"}, "period"),
        ({"period": "in 2020"}, "period"),
        ({"population": "adults"}, "population"),
    ],
)
def test_what_no_recorded_word_says_stays_unknown(about: dict[str, str], unknown: str) -> None:
    found = assertion_of(About.model_validate({"measure": "height", **about}), [MEAN], COLUMNS)
    assert found is not None and getattr(found, unknown) in (None, "unknown")


@pytest.mark.parametrize("measure", ["", "weight", "of the", "height of trees"])
def test_without_a_measure_that_was_recorded_nothing_is_asserted(measure: str) -> None:
    assert assertion_of(About(measure=measure, statistic="mean"), [MEAN], COLUMNS) is None
    assert assertion_of(None, [MEAN], COLUMNS) is None


@pytest.mark.bubblewrap
def test_a_finding_of_the_loop_is_paired_with_a_claim(sandbox: CodeSandbox, tmp_path: Path) -> None:
    about = {"measure": "height", "entity": "red", "statistic": "mean"}
    worded = {
        "findings": [{"question_id": "q1", "statement": "The mean height is {v2} in the red team.", "about": about}],
        "answers": [{"question_id": "q1", "status": "answered"}],
    }
    script = Scripted(step("Calculate."), code(MEANS), say("verifier", SUFFICIENT), say("finalizer", worded))
    package = Mission(sandbox, tmp_path, script).package()
    (finding,) = package.findings
    assert finding.assertion is not None and finding.assertion.value == pytest.approx(package.values[1].value)
    stated = Assertion(entity="red", measure="height", statistic="mean", comparator="=", value=160.0, unit="cm")
    evidence = research()
    claim = evidence.claims[0].model_copy(update={"assertion": stated})
    (pair,) = align(evidence.model_copy(update={"claims": (claim,)}), package).pairs
    assert pair.finding_id == finding.id and pair.verdict == "related", "the period of neither is known: nothing is concluded"
