"""Each script uses the machine up: time, memory, processes, disk, what it prints, what it records. Each is bounded, and the next job runs.

The cloud's sandbox service tries some of them on itself before it takes traffic (``shared/isolation``).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.adapters.task_groups import find_task_groups, is_root
from tests.support.sandbox_service import linked_store, sandbox, sandbox_service
from tests.support.sandboxes import SMALL, Run, recorded, run, still_works

__all__ = ["linked_store", "run", "sandbox", "sandbox_service"]  # the fixtures, for pytest to find

MUCH_LATER = 30.0
"""Seconds. Half of what the scripts would wait, and more than any machine takes to end them."""


def test_an_endless_loop_is_ended_in_time_and_keeps_what_it_recorded(run: Run) -> None:
    enough_to_start = 2.0  # on a machine that does much else
    result = run("record('before', 1); print('hello')\nwhile True: pass", limits=replace(SMALL, seconds=enough_to_start))
    assert result.status == "timeout" and enough_to_start <= result.wall_s < MUCH_LATER
    assert [value.name for value in result.values] == ["before"] and result.stdout == "hello\n"
    still_works(run)


def test_a_script_that_ignores_signals_is_ended_in_time(run: Run) -> None:
    result = run(
        "import signal, time\nfor s in range(1, 30):\n  try: signal.signal(s, signal.SIG_IGN)\n  except OSError: pass\ntime.sleep(60)",
        limits=replace(SMALL, seconds=0.4),
    )
    assert result.status == "timeout" and result.wall_s < MUCH_LATER


def test_children_left_behind_do_not_hold_the_run_up_or_outlive_it(run: Run) -> None:
    result = run(
        """
        import os, time
        for detach in (False, True):
            if os.fork() == 0:
                if detach: os.setsid()
                time.sleep(60)
        record("left", 1)
        """
    )
    assert recorded(result) == {"left": 1} and result.wall_s < MUCH_LATER


@pytest.mark.parametrize(
    "hog",
    [
        "x = []\nwhile True: x.append(bytearray(10_000_000))",
        "import mmap\nx = mmap.mmap(-1, 900_000_000)\nfor i in range(0, 900_000_000, 4096): x[i] = 1",
        "import os, time\nfor i in range(8):\n  if os.fork() == 0:\n    x = bytearray(b'x') * 100_000_000; time.sleep(60)\ntime.sleep(60)",
    ],
    ids=["one process", "shared memory", "many processes"],
)
def test_a_memory_hog_is_ended(run: Run, hog: str) -> None:
    result = run(hog)
    assert result.status == "memory" and result.peak_mb < 800, result
    still_works(run)


def test_an_allocation_over_the_limit_fails_at_its_line(run: Run) -> None:
    result = run("record('before', 1)\nx = bytearray(400_000_000)")
    assert result.status == "memory" and result.traceback.splitlines()[1].strip().startswith('File "script.py", line 2')
    assert result.traceback.endswith("MemoryError\n") and result.peak_mb < 100


def test_one_file_cannot_pass_its_limit(run: Run) -> None:
    result = run("open('/tmp/big', 'wb').truncate(9_000_000)")
    assert result.status == "error" and "File too large" in result.traceback


def test_a_fork_bomb_is_ended(run: Run) -> None:
    # It stops at 1,024 processes by itself: were the sandbox broken, the machine would live.
    result = run(
        """
        import os, time
        for _ in range(10):
            try: os.fork()
            except OSError: pass
        time.sleep(1)
        if os.getppid() == 2: record("alive", sum(map(str.isdigit, os.listdir("/proc"))))
        time.sleep(60)
        """,
        limits=replace(SMALL, seconds=2),
    )
    assert result.status in ("killed", "timeout") and result.wall_s < MUCH_LATER
    assert [value for value in result.values if int(str(value.value)) > SMALL.processes + 4] == []
    still_works(run)


def test_the_kernel_refuses_the_process_that_is_too_many(run: Run) -> None:
    if is_root() and find_task_groups() is None:
        pytest.skip("root, for whom no limit of processes holds, and no control groups can be made here")
    result = run(
        """
        import os, time
        started = 0
        while started < 200:
            try: child = os.fork()
            except OSError: break
            if child == 0: time.sleep(60)
            started += 1
        record("started", started)
        """
    )
    assert result.status == "ok", result.stderr
    assert 0 < int(str(result.values[0].value)) <= SMALL.processes
    still_works(run)


@pytest.mark.parametrize("folder", ["/tmp", "outputs", "/dev/shm"])
def test_a_disk_filler_meets_the_end_of_its_space(run: Run, folder: str) -> None:
    result = run(
        f"""
        written = 0
        try:
            for number in range(100):
                with open(f"{folder}/{{number}}", "wb", buffering=0) as file: written += file.write(bytes(1_000_000))
        finally:
            record("written", written)
        """
    )
    limit = 64_000_000 * 1.05 if folder == "/dev/shm" else 8_400_000
    assert result.status == "error" and "OSError" in result.traceback and float(str(result.values[0].value)) <= limit
    still_works(run)


def test_a_flood_of_empty_files_is_ended(run: Run) -> None:
    result = run("for i in range(10**9): open(f'outputs/{i}', 'w').close()")
    assert result.status == "output_limit" and len(result.outputs) <= 1000


def test_too_many_output_files_are_an_error_that_says_so(run: Run) -> None:
    result = run("for i in range(1200): open(f'outputs/{i}', 'w').close()")
    assert result.status == "output_limit" and "1,000 files" in " ".join(result.warnings)


@pytest.mark.parametrize("stream", [1, 2])
def test_a_flood_of_output_is_cut_then_ended(run: Run, stream: int) -> None:
    cut = run(f"import os\nos.write({stream}, b'x' * 50_000)")
    assert cut.status == "ok" and len(cut.stdout + cut.stderr) == 20_000 and "30,000 bytes" in cut.warnings[0]
    ended = run(f"import os\nwhile True: os.write({stream}, b'x' * 50_000)")
    assert ended.status == "output_limit" and len(ended.stdout + ended.stderr) == 20_000
    still_works(run)


def test_more_than_ten_thousand_values_are_an_error(run: Run) -> None:
    result = run("for i in range(10_001): record('x', i)")
    assert result.status == "error" and len(result.values) == 10_000 and "10,000" in result.warnings[-1]


def test_a_flood_on_the_channel_is_ended(run: Run) -> None:
    result = run("import os, kimera_runtime\nwhile True: os.write(kimera_runtime._channel, b'x' * 60_000)")
    assert result.status in ("output_limit", "error")
    still_works(run)
