"""What an operation says beside its figures: its counts have a source, and an extreme is named once."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import as_csv
from tests.support.operations import carry_out, spec, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

SENSORS = as_csv("sensor,room,temp_c", [(f"S{i % 3}", f"R{i // 3 % 3}", 10 + i % 7 + i / 100) for i in range(63)])


def test_a_number_of_groups_has_a_source_and_an_extreme_is_named_once(sandbox: CodeSandbox, tmp_path: Path) -> None:
    groups = spec("sensors.csv", "mean", measure="temp_c", by=("sensor", "room"))
    extreme = spec("sensors.csv", "top_n", measure="temp_c", statistic="maximum", by=("sensor",), n=1)
    told, highest = carry_out(sandbox, [write(tmp_path, "sensors.csv", SENSORS)], [groups, extreme], tmp_path / "out")
    assert told.result.limitations == ("9 groups were computed; 6 are stated, all stand in the table",)
    assert told.values["groups_computed"] == 9
    assert highest.sentence().startswith("S2 has the highest temp_c: ")
