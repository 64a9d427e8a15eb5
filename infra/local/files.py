"""The files that a person names for a mission: folders are looked through, names are made distinct, and nothing is read yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.mission import MAX_INPUTS, InputKind
from shared.errors import BadInput
from shared.inputs import DATA_SUFFIXES
from shared.reading.formats import SUFFIXES as DOCUMENT_SUFFIXES


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file of a mission. ``name`` is what the reader calls it, distinct within the mission."""

    path: Path
    name: str
    kind: InputKind
    size: int


def collect(data: Sequence[Path], documents: Sequence[Path]) -> list[LocalFile]:
    """All files, data first. ``BadInput`` names what does not exist, cannot be read or holds nothing of its kind."""
    found: list[tuple[Path, InputKind]] = [(path, "data") for given in data for path in _files(given, DATA_SUFFIXES, "data files")]
    found += [(path, "document") for given in documents for path in _files(given, DOCUMENT_SUFFIXES, "documents")]
    if len(found) > MAX_INPUTS:
        raise BadInput(
            f"These are {len(found)} files; a mission takes {MAX_INPUTS}.",
            remedy="Put documents into a knowledge space once (`kimera space add`) and ask about that, or give fewer files.",
        )
    return _named(found)


def empty_of_folders(files: Iterable[LocalFile], given: Iterable[Path]) -> list[LocalFile]:
    """Those of no byte that lie in folders: a mission takes none, and nobody named them."""
    named = {path.expanduser().resolve() for path in given}
    return [file for file in files if not file.size and file.path not in named]


def collect_documents(documents: Sequence[Path]) -> list[LocalFile]:
    """The documents for a knowledge space, as many as there are."""
    return _named([(path, "document") for given in documents for path in _files(given, DOCUMENT_SUFFIXES, "documents")])


def _named(found: Iterable[tuple[Path, InputKind]]) -> list[LocalFile]:
    files: dict[Path, LocalFile] = {}
    taken: set[str] = set()
    for path, kind in found:
        real = path.resolve()
        if real not in files:
            if kind == "data":
                _require_whole(real)
            name = _distinct(path, taken)
            taken.add(name)
            files[real] = LocalFile(real, name, kind, real.stat().st_size)
    return list(files.values())


def _require_whole(path: Path) -> None:
    """``BadInput`` for a SQLite database whose last changes stand in the file beside it: alone it is one of some time ago."""
    log = path.with_name(f"{path.name}-wal")
    if not log.is_file() or not log.stat().st_size:
        return
    with path.open("rb") as stream:
        if not stream.read(16).startswith(b"SQLite format 3"):
            return
    raise BadInput(
        f"{path.name} is open in a program, or was not closed: {log.name} holds changes that are not in it yet.",
        remedy=f'Close the program, or give a copy that is whole: sqlite3 {path.name} ".backup copy.db"',
    )


def _files(given: Path, suffixes: Iterable[str], what: str) -> list[Path]:
    path = given.expanduser()
    try:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes and not _hidden(p.relative_to(path)) and p.is_file())
            if not inside:
                kinds = ", ".join(sorted(suffix[1:] for suffix in suffixes))
                raise BadInput(f"The folder {given} holds no {what}.", remedy=f"Looked for: {kinds}. Name other files one by one.")
            return inside
        if not path.exists():
            raise BadInput(f"There is no file {given}.", remedy="Check the path.")
        if not path.is_file():
            raise BadInput(f"{given} is no plain file.", remedy="Copy its content into a file first.")
        with path.open("rb"):
            return [path]
    except OSError as error:
        raise BadInput(f"{given} cannot be read: {error.strerror}.", remedy="Check the path and its permissions.") from error


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "~$")) for part in path.parts)


def _distinct(path: Path, taken: set[str]) -> str:
    """The file's name; with its folders' names in front where another file is called the same."""
    name = path.name
    for parent in path.resolve().parents:
        if name not in taken:
            return name
        name = f"{parent.name}_{name}" if parent.name else f"{len(taken)}_{name}"
    return name if name not in taken else f"{len(taken)}_{name}"
