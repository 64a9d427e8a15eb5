"""What ``kimera bench workflows`` measures is what it says, and what is not a matter of this machine's speed is kept."""

from __future__ import annotations

import subprocess
import sys

import pytest

from infra.local.workflows.measuring import at_once, start_up

RUN = [sys.executable, "-m", "cli.main", "workflows", "run"]


def test_a_thousand_executions_at_once_end_without_a_failure() -> None:
    failures = at_once()[1]
    assert (failures.value, failures.limit, failures.kept) == (0, 0, True)


@pytest.mark.slow
def test_memory_is_flat_over_a_hundred_thousand_steps() -> None:
    # In a process of its own: what threads of other tests take here would be counted, too.
    command = [sys.executable, "-c", "from infra.local.workflows.measuring import memory_growth; print(memory_growth().kept)"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout == "True\n"


def test_the_start_is_measured_on_the_command_itself() -> None:
    whole, cpu = start_up(RUN, repeats=1)
    assert (whole.limit, cpu.limit) == (0.7, None) and cpu.value > 0


def test_a_command_that_fails_is_no_measure() -> None:
    with pytest.raises(RuntimeError, match="no such command"):
        start_up([sys.executable, "-c", "raise SystemExit('no such command')"], repeats=1)
