"""The files that a manifest names: found in the inbox, pinned to a state of theirs, stored as the mission's inputs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from functions.intake.manifest import Manifest
from schemas.mission import MAX_INPUTS, InputKind, MissionInput
from shared.artifacts import ArtifactStore
from shared.errors import BadInput, TooLarge
from shared.inbox import Inbox, InboxObject
from shared.inputs import DATA_SUFFIXES, safe_name, store_input
from shared.reading.formats import SUFFIXES as DOCUMENT_SUFFIXES


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """What a manifest's names stand for now: files with their kind, and the names that nothing lies under yet."""

    found: tuple[tuple[InboxObject, InputKind], ...]
    missing: tuple[str, ...]


def look_for(manifest: Manifest, inbox: Inbox, folder: str) -> NamedFiles:
    """Each name is a file, or a folder whose files of that kind are meant. Raises ``BadInput`` where there are too many."""
    found: dict[str, tuple[InboxObject, InputKind]] = {}
    missing: list[str] = []
    wanted: Sequence[tuple[tuple[str, ...], InputKind, Iterable[str]]] = (
        (manifest.data, "data", DATA_SUFFIXES),
        (manifest.documents, "document", DOCUMENT_SUFFIXES),
    )
    for names, kind, suffixes in wanted:
        for name in names:
            there = _under(inbox, f"{folder}/{name}", suffixes)
            if not there:
                missing.append(name)
            for entry in there:
                found.setdefault(entry.name, (entry, kind))
    if len(found) > MAX_INPUTS:
        raise BadInput(
            f"These are {len(found)} files; a mission takes {MAX_INPUTS}.",
            remedy="Put documents into a knowledge space once (`kimera space add`) and ask about that, or give fewer files.",
        )
    return NamedFiles(tuple(found.values()), tuple(missing))


def _under(inbox: Inbox, name: str, suffixes: Iterable[str]) -> list[InboxObject]:
    entry = inbox.stat(name)
    if entry is not None:
        return [entry]
    return [entry for entry in inbox.list(name) if PurePosixPath(entry.name).suffix.lower() in suffixes]


def store(
    files: Sequence[tuple[InboxObject, InputKind]], inbox: Inbox, artifacts: ArtifactStore, *, owner: str, scratch: Path, largest: int
) -> tuple[MissionInput, ...]:
    """The files in exactly these states, of up to ``largest`` bytes each, as inputs of ``owner``.

    Raises ``Superseded``, ``TooLarge`` and ``BadInput``.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    inputs: list[MissionInput] = []
    for (entry, kind), name in zip(files, _distinct([entry.name for entry, _ in files]), strict=True):
        with tempfile.TemporaryDirectory(dir=scratch, prefix="intake-") as folder:
            target = Path(folder) / "file"
            if entry.size > largest or inbox.fetch(entry, target, limit=largest) > largest:
                raise TooLarge(f"{entry.name} is larger than {largest >> 30} GiB.", remedy="Give a smaller extract, or several files.")
            stored = store_input(artifacts, owner=owner, name=safe_name(name), source=target)
        inputs.append(MissionInput(uri=stored.uri, kind=kind, name=name, sha256=stored.sha256, size=stored.size))
    return tuple(inputs)


def _distinct(names: Sequence[str]) -> list[str]:
    """What the reader calls each file: its own name, with its folders' names in front where another file is called the same."""
    taken: set[str] = set()
    chosen: list[str] = []
    for full in names:
        parts = PurePosixPath(full).parts
        options = ("_".join(parts[-n:]) for n in range(1, len(parts) + 1))
        name = next((option for option in options if option not in taken), f"{len(taken)}_{parts[-1]}")
        taken.add(name)
        chosen.append(name)
    return chosen
