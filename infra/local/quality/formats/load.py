"""Which format a suite has, and its tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from infra.local.quality.formats import dabench, hotpotqa, kramabench, tatqa
from infra.local.quality.formats.reading import Skipped
from infra.local.quality.tasks import FILE, Task, load_suite
from shared.errors import BadInput

OWN = "kimera"


@dataclass(frozen=True, slots=True)
class Format:
    """One layout. ``find``: the file or folder that the tasks are read from, ``None`` where this is no such suite.

    ``tasks`` gives them lazily, since some suites hold thousands; what has to be written out for a task lies below its second argument.
    """

    name: str
    looks_for: str
    find: Callable[[Path], Path | None]
    tasks: Callable[[Path, Path], Iterator[Task | Skipped]]


FORMATS = (
    Format("dabench", dabench.QUESTIONS, dabench.find, dabench.tasks),
    Format("kramabench", "workload/*.json beside data/", kramabench.find, kramabench.tasks),
    Format("tatqa", " or ".join(tatqa.FILES), tatqa.find, tatqa.tasks),
    Format("hotpotqa", hotpotqa.FILES[0], hotpotqa.find, hotpotqa.tasks),
)
NAMES = (OWN, *(known.name for known in FORMATS))


@dataclass(frozen=True, slots=True)
class Suite:
    """The tasks that are to be run. ``skipped``: what of the suite cannot be a task here, and why."""

    format: str
    tasks: tuple[Task, ...]
    skipped: tuple[Skipped, ...] = ()


def load(suite: Path, workdir: Path, *, format_name: str | None = None, limit: int | None = None) -> Suite:
    """The suite's first ``limit`` tasks. ``BadInput`` where it is of no known format, is not the named one, or a file of it is broken."""
    known = _recognised(suite, format_name)
    if known is None:
        return Suite(OWN, tuple(load_suite(suite)[:limit]))
    source = known.find(suite)
    if source is None:
        raise BadInput(f"{suite} does not look like {known.name}: there is no {known.looks_for}.", remedy="See docs/benchmarks.md.")
    skipped: list[Skipped] = []
    tasks = tuple(islice(_usable(known.tasks(source, workdir), skipped), limit))
    if not tasks:
        why = f" (for instance {skipped[0].name}: {skipped[0].why})" if skipped else ""
        raise BadInput(f"{source} holds no task that can be run{why}.", remedy="See docs/benchmarks.md for what is needed beside it.")
    return Suite(known.name, tasks, tuple(skipped))


def _recognised(suite: Path, name: str | None) -> Format | None:
    """The format of ``suite``; ``None`` is our own."""
    if name is not None:
        if name not in NAMES:
            raise BadInput(f"--format: {name!r} is none.", remedy=f"Formats: {', '.join(NAMES)}.")
        return next((known for known in FORMATS if known.name == name), None)
    if suite.is_file():
        raise BadInput(f"{suite} is a file.", remedy=f"Name the folder that it lies in, or say what it is: --format {'|'.join(NAMES[1:])}.")
    if next(suite.rglob(FILE), None) is not None:
        return None
    found = [known for known in FORMATS if known.find(suite) is not None]
    if len(found) > 1:
        raise BadInput(f"{suite} holds {' and '.join(k.name for k in found)}.", remedy="Say which is meant: --format NAME.")
    if not found:
        looked = "; ".join(f"{known.name}: {known.looks_for}" for known in FORMATS)
        raise BadInput(
            f"{suite} is no suite: there is no {FILE} in it or below, and nothing of a known benchmark ({looked}).",
            remedy="See docs/benchmarks.md for the layouts.",
        )
    return found[0]


def _usable(found: Iterator[Task | Skipped], skipped: list[Skipped]) -> Iterator[Task]:
    for one in found:
        if isinstance(one, Skipped):
            skipped.append(one)
        else:
            yield one
