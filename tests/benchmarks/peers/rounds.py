"""Runs KIMERA and its peers in turns, in the same window, and prints their figures as a table with ratios.

tests/benchmarks/peers/setup
.venv/bin/python tests/benchmarks/peers/rounds.py --rounds 3 [--missions 200] [--serial 50] [--only kimera langgraph]

On a machine that others use too, only what was measured in the same round can be compared: the table has the median of the rounds, and
the ratios are medians of each round's own ratio to the best peer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PLACE = Path(os.environ.get("KIMERA_PEERS", ROOT / "build" / "peers")).resolve()
PEERS = ("langgraph", "dbos", "restate")
WORKERS = os.cpu_count() or 1
POOLED = f"kimera, {WORKERS} workers"
"""The same with a worker process for each core."""
ALL = ("kimera", POOLED, "floor", *PEERS)
Figures = dict[str, object]


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure KIMERA and its peers in turns.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--missions", type=int, default=200)
    parser.add_argument("--serial", type=int, default=50)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--only", nargs="+", choices=ALL, default=[name for name in ALL if _is_there(name)])
    given = parser.parse_args()
    amounts = {"missions": given.missions, "serial": given.serial, "concurrency": given.concurrency}
    rounds: list[dict[str, Figures]] = []
    for number in range(1, given.rounds + 1):
        found: dict[str, Figures] = {}
        for name in given.only:
            print(f"round {number} of {given.rounds}: {name} (load {os.getloadavg()[0]:.1f})", file=sys.stderr)
            figures = _run(name, amounts)
            if figures is not None:
                found[name] = figures
                print(json.dumps({"round": number, "name": name} | figures), file=sys.stderr)
        rounds.append(found)
    print(table(rounds))
    return 0


def _is_there(name: str) -> bool:
    return name not in PEERS or (PLACE / name / "bin" / "python").exists()


def _run(name: str, amounts: dict[str, int]) -> Figures | None:
    options = [text for option, value in amounts.items() for text in (f"--{option}", str(value))]
    environment = dict(os.environ)
    if name in ("kimera", POOLED):
        workers = str(WORKERS if name == POOLED else 1)
        command = [str(ROOT / ".venv" / "bin" / "kimera"), "bench", "orchestration", "--json", "--workers", workers, *options]
        environment["KIMERA_HOME"] = str(PLACE / "data" / "kimera")
    else:
        python = sys.executable if name == "floor" else str(PLACE / name / "bin" / "python")
        script = HERE / f"{name}_peer.py"
        command = [python, str(script), "--folder", str(PLACE / "data" / name), *options]
        environment["RESTATE_SERVER"] = str(PLACE / "restate-server")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=1_800)
    if done.returncode:
        print(f"{name} failed: {done.stderr[-600:]}", file=sys.stderr)
        return None
    figures: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return {key: value for key, value in figures.items() if not isinstance(value, dict)}


def table(rounds: list[dict[str, Figures]]) -> str:
    """The medians as Markdown."""
    names = [name for name in ALL if any(name in found for found in rounds)]
    columns = ["", "serial p50 ms", "p95 ms", "missions/s at once", "CPU ms per mission", "flushes per mission", "peak MB"]
    columns += ["missions/s, to best peer", "p50, to best peer"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for name in names:
        cells = [
            _cell(rounds, name, key)
            for key in ("p50_ms", "p95_ms", "missions_per_s", "cpu_ms_per_mission", "flushes_per_mission", "peak_mb")
        ]
        ratios = [_ratio(rounds, name, "missions_per_s", best=max), _ratio(rounds, name, "p50_ms", best=min)]
        lines.append(f"| {name} | " + " | ".join([*cells, *ratios]) + " |")
    return "\n".join(lines)


def _cell(rounds: list[dict[str, Figures]], name: str, key: str) -> str:
    values = [value for found in rounds if name in found and isinstance(value := found[name].get(key), (int, float))]
    return f"{median(values):.1f} ({min(values):.1f}-{max(values):.1f})" if values else "-"


def _ratio(rounds: list[dict[str, Figures]], name: str, key: str, *, best: Callable[[list[float]], float]) -> str:
    ratios = []
    for found in rounds:
        peers = [value for peer in PEERS if peer in found and isinstance(value := found[peer].get(key), (int, float))]
        own = found.get(name, {}).get(key)
        if peers and isinstance(own, (int, float)):
            ratios.append(own / best(peers))
    return f"{median(ratios):.2f}" if ratios else "-"


if __name__ == "__main__":
    sys.exit(main())
