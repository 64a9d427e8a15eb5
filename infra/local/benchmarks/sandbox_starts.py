"""How long a script waits for its sandbox: ``kimera bench sandbox``.

The script imports numpy, pandas and matplotlib, reads a table and records a figure. Measured from the job being given to its result.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from infra.local.workflows.measuring import Measure
from shared.adapters.bubblewrap_sandbox import find_bubblewrap
from shared.adapters.sandbox_jobs import make_empty
from shared.adapters.spare_sandboxes import IMPORTS, start_spare
from shared.sandbox import SandboxInput, SandboxJob, SandboxResult

WARM_S = 0.06
"""The limit of the warm start of such a script."""
READY_S = 60.0
_ROWS = 1_000
_SCRIPT = """
import numpy as np, pandas as pd, matplotlib.pyplot as plt
table = pd.read_csv("inputs/table.csv")
record("sum", int(np.sum(table["n"])), n=len(table))
"""


def measure(python: Path, scratch: Path, repeats: int) -> list[Measure]:
    """Median and worst seconds of ``repeats`` cold and as many warm starts, one after another. ``scratch`` is a folder for the inputs.

    Raises ``SandboxUnavailable`` where nothing can be isolated, RuntimeError where a run fails.
    """
    bwrap = find_bubblewrap(python)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="bench-sandbox-") as name:
        folder = Path(name)
        table = folder / "table.csv"
        table.write_text("n\n" + "\n".join(map(str, range(_ROWS))) + "\n", "utf-8")
        job = SandboxJob(_SCRIPT, inputs=(SandboxInput("table.csv", table),))
        inputs = {"table.csv": table}
        outputs = folder / "outputs"

        def cold() -> float:
            return _timed(lambda: bwrap.start(inputs, file_mb=job.limits.file_mb).run(job, outputs_to=outputs), outputs)

        def warm() -> float:
            spare = start_spare(bwrap, folder / "spares")
            if not spare.started.ready(READY_S):
                raise RuntimeError(f"the sandbox was not ready after {READY_S:g} s")
            return _timed(lambda: spare.take_in(inputs) and spare.run(job, outputs_to=outputs), outputs)

        began_cold = [cold() for _ in range(repeats)]
        began_warm = [warm() for _ in range(repeats)]
    return [
        Measure(f"cold: it imports {', '.join(IMPORTS)}", statistics.median(began_cold), "s"),
        Measure("warm: started ahead, before there was a job", statistics.median(began_warm), "s", WARM_S),
        Measure("warm, the slowest", max(began_warm), "s"),
    ]


def _timed(run: Callable[[], SandboxResult | bool], outputs: Path) -> float:
    make_empty(outputs)
    began = time.perf_counter()
    result = run()
    took = time.perf_counter() - began
    if not isinstance(result, SandboxResult) or result.status != "ok" or [v.value for v in result.values] != [_ROWS * (_ROWS - 1) // 2]:
        raise RuntimeError(f"the script did not give its sum: {result}")
    return took
