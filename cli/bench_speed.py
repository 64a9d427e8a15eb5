"""``kimera bench orchestration | load | audit | cold-start``: how fast the platform is. See docs/performance.md."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, log_to, note, print_json

if TYPE_CHECKING:
    from shared.documents import Json

_KIMERA = [sys.executable, "-m", "cli.main"]
Concurrency = Annotated[int, typer.Option("--concurrency", metavar="C", min=1, max=256, help="Missions at the same time.")]
Workers = Annotated[int, typer.Option("--workers", metavar="N", min=1, max=256, help="Processes that run the missions.")]


def orchestration(
    missions: Annotated[int, typer.Option("--missions", metavar="N", min=1, help="Missions that run at the same time, in all.")] = 200,
    serial: Annotated[int, typer.Option("--serial", metavar="N", min=1, help="Missions that run one after the other, before.")] = 50,
    concurrency: Concurrency = 16,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> int:
    """Measure missions whose tracks do nothing, on the real workflow, functions and store: p50 and p95 are of the serial ones."""
    from infra.local.benchmarks.orchestration import measure

    settings = load_settings()
    home = settings.home.expanduser().absolute()
    log_to(home)
    found = measure(settings, home, missions=missions, serial=serial, concurrency=concurrency, workers=workers, progress=note)
    if as_json:
        print_json(found.as_json())
        return 0
    for name, stretch in (("one after the other", found.serial), (f"{concurrency} at once", found.at_once)):
        flushes = f", {stretch.flushes_per_mission:.1f} flushes" if stretch.flushes_per_mission is not None else ""
        print(f"{name}: {stretch.missions_per_s:.1f} missions/s, p50 {stretch.percentile_ms(0.5):.1f} ms,")
        print(f"    p95 {stretch.percentile_ms(0.95):.1f} ms; a mission took {stretch.cpu_ms_per_mission:.1f} ms of a processor{flushes}")
    print(f"peak memory {found.peak_mb:.0f} MB; {found.as_json()['durable_steps']} durable steps each, synchronous=FULL")
    return 0


def load(
    missions: Annotated[int, typer.Option("--missions", metavar="N", min=1, help="How many.")] = 5_000,
    concurrency: Concurrency = 64,
    workers: Workers = 1,
    kill_every: Annotated[
        float | None,
        typer.Option("--kill-every", metavar="S", min=1, help="kill -9 the server after the first mission, then every S seconds."),
    ] = None,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep the data in this new folder.")] = None,
    as_json: AsJson = False,
) -> int:
    """Run missions through a served platform over HTTP. Exit 1 if one is lost, did not end DONE, or did anything twice."""
    from infra.local.benchmarks.load import LoadPlan, run_load
    from shared.clock import SystemClock

    with _data_folder(load_settings().home.expanduser().absolute(), keep) as data:
        result = run_load(data, LoadPlan(missions, concurrency, kill_every, workers), SystemClock(), note)
        note("verifying the audit chains")
        audit = _audit(data)
    told: dict[str, Json] = {**result.as_json(), "audit": audit}
    sound = result.sound and bool(audit.get("ok"))
    if as_json:
        print_json(told)
    else:
        for key, value in told.items():
            print(f"{key:<16} {json.dumps(value)}")
        print("all missions ended DONE, none twice, the audit chains are intact" if sound else "NOT KEPT: see above")
    return 0 if sound else 1


def audit(
    events: Annotated[int, typer.Option("--events", metavar="N", min=5_000, help="How many, of N / 25 missions.")] = 100_000,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the data, with its forgeries, in this new folder.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Measure `kimera audit verify` on many missions. Exit 1 if a forgery is missed or memory grows with the number of missions."""
    from infra.local.benchmarks.audit_chains import MEMORY_GROWTH_MB, measure

    settings = load_settings()
    with _data_folder(settings.home.expanduser().absolute(), keep) as data:
        found = measure(settings, data, _KIMERA, events=events, progress=note)
    if as_json:
        print_json(found.as_json())
    else:
        for part in (found.tenth, found.all):
            per_s = part.events / part.seconds
            print(
                f"{part.events} events of {part.missions} missions: {part.seconds:.1f} s ({per_s:.0f} events/s), peak {part.peak_mb:.0f} MB"
            )
        kept = "" if found.memory_kept else f"  NOT KEPT: more than {MEMORY_GROWTH_MB:g} MB of growth"
        print(f"memory grew by {found.all.peak_mb - found.tenth.peak_mb:.0f} MB{kept}")
        print("forgeries: " + ", ".join(f"{name} {'found' if ok else 'NOT FOUND'}" for name, ok in found.found.items()))
    return 0 if found.sound and found.memory_kept else 1


def cold_start(
    repeat: Annotated[int, typer.Option("--repeat", min=1, max=100, help="Fresh processes of each; the median counts.")] = 5,
    as_json: AsJson = False,
) -> int:
    """Measure what each function imports on top of functions-framework, and `kimera --help`. Exit 1 if a limit is not kept.

    Of the functions that every mission waits for it is also told, without a limit, when a fresh process has answered its first call.
    """
    from infra.local.benchmarks.cold_start import measure

    found = measure([*_KIMERA, "--help"], repeats=repeat, progress=note)
    kept = all(one.kept for one in found)
    if as_json:
        print_json({"kept": kept, "measures": [one.as_json() for one in found]})
    else:
        for one in found:
            limit = f"  (at most {one.limit_ms:.0f}){'' if one.kept else '  NOT KEPT'}" if one.limit_ms is not None else ""
            answer = f"  first answer after {one.first_answer_ms:.0f} ms" if one.first_answer_ms is not None else ""
            print(f"{one.name:<16} {one.ms:8.0f} ms, fastest {one.fastest_ms:.0f}{limit}{answer}")
    return 0 if kept else 1


@contextmanager
def _data_folder(home: Path, keep: Path | None) -> Iterator[Path]:
    """A new folder for the data: below ``home`` and gone at the end, or ``keep``."""
    from shared.errors import BadInput

    if keep is not None and keep.exists():
        raise BadInput(f"{keep} exists already.", remedy="Name a new folder: missions of another run would be counted.")
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=home) as temporary:
        data = keep.absolute() if keep is not None else Path(temporary)
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"--keep {data} cannot be made: {error.strerror}.", remedy="Name a new folder where you may write.") from error
        yield data


def _audit(data: Path) -> dict[str, Json]:
    """What `kimera audit verify` says of the data folder, by the command itself."""
    import os

    environment = os.environ | {"KIMERA_HOME": str(data), "KIMERA_PROFILE": "embedded"}
    done = subprocess.run([*_KIMERA, "audit", "verify", "--json"], capture_output=True, text=True, check=False, env=environment)
    if not done.stdout.strip():
        return {"ok": False, "error": done.stderr.strip()[-300:]}
    verdict: dict[str, Json] = json.loads(done.stdout)
    return {key: value for key, value in verdict.items() if key != "breaks"} | {"breaks": len(verdict.get("breaks") or [])}  # type: ignore[arg-type]  # a list
