"""A document's text: parsed in the sandbox in parts of some pages, composed here, cached by the file's sha256.

The librarian's way: the first part says what the file is and how long; the text is then read part by part, each part kept, so that a
long document goes on where a slice stopped.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.mission import MissionInput
from shared.artifacts import SCHEME, ArtifactStore
from shared.counted import counted
from shared.doing import Doing, unheard
from shared.errors import Corrupt, InputUnreadable, NotFound
from shared.inputs import reading_input
from shared.reading.blocks import Block
from shared.reading.compose import compose
from shared.reading.document import EXTRACTOR_VERSION, ExtractedDocument
from shared.reading.formats import PDF, Format, detect_format, detect_page_format, require_size
from shared.sandbox import CodeSandbox, SandboxInput, SandboxJob, SandboxLimits, SandboxResult

PAGES_PER_PART = 25
"""Pages of one sandbox run: about 5 s of parsing, so that a checkpoint never comes much too late."""
MAX_PAGES = 5_000
Origin = Literal["file", "web"]
"""Whether a document is a user's file or a page that was fetched: they are read differently where they are HTML."""
_SCRIPTS = Path(__file__).parent / "sandbox_scripts"
_log = logging.getLogger(__name__)
_LIMITS = SandboxLimits(seconds=45, memory_mb=2048, processes=16)


class _About(BaseModel):
    """What a parser emits about the whole document; made from an untrusted file, therefore checked."""

    model_config = ConfigDict(extra="ignore")

    problem: str | None = None
    message: str = ""
    remedy: str = ""
    title: str | None = None
    date: str | None = None
    pages: int | None = None
    without_text: tuple[int, ...] = ()
    unread: tuple[int, ...] = ()
    truncated: bool = False


class _Part(BaseModel):
    about: _About
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A document whose reading goes on in the next slice: its parts so far are kept."""

    pages_read: int
    pages: int


def extract_document(sandbox: CodeSandbox, artifacts: ArtifactStore, item: MissionInput, workdir: Path) -> ExtractedDocument:
    """The document's text, however long that takes.

    ``InputUnreadable`` names the file and what is wrong with it: gone, empty, binary, damaged, of a type we do not read, protected by a
    password, an archive that would explode, a scan without text, or a parser that ran out of time or memory. ``TooLarge``:
    over ``MAX_FILE_BYTES``.
    """
    read = extract_within(sandbox, artifacts, item, workdir, time_left=lambda: math.inf)
    assert isinstance(read, ExtractedDocument)
    return read


def extract_within(
    sandbox: CodeSandbox,
    artifacts: ArtifactStore,
    item: MissionInput,
    workdir: Path,
    *,
    time_left: Callable[[], float],
    origin: Origin = "file",
    from_end: bool = False,
    doing: Doing = unheard,
) -> ExtractedDocument | Unfinished:
    """Like ``extract_document``, but stops between two parts once ``time_left()`` is not positive; at least one part is read.

    ``from_end``: after the first part, which says how many there are, the last one is read next. So two who read the same document at the
    same time take what the other has read, instead of reading every part twice. ``doing`` is told how far a long one is.
    """
    with reading_input(item.name, item.uri):
        stored = artifacts.stat(item.uri)
    sha256 = stored.sha256
    name = f"{sha256}.json" if origin == "file" else f"web/{sha256}.json"
    cached = _cached(artifacts, name)
    if cached is not None:
        return ExtractedDocument.model_validate_json(cached)
    require_size(stored.size, item.name)  # before a copy takes up room
    folder = workdir / f"document-{sha256[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with reading_input(item.name, item.uri):
        path = artifacts.local_copy(item.uri, folder)
    kind = detect_format(path, item.name) if origin == "file" else detect_page_format(path, item.name)
    reader = _PartReader(sandbox, artifacts, item, path, kind, sha256, folder)
    parts = {1: reader.part(1)}
    pages = min(parts[1].about.pages or 1, MAX_PAGES) if kind is PDF else 1
    others = range(1 + PAGES_PER_PART, pages + 1, PAGES_PER_PART)
    for first_page in reversed(others) if from_end else others:
        if time_left() <= 0 and reader.runs:
            return Unfinished(len(parts) * PAGES_PER_PART, pages)
        doing(f"reading {item.name}: {len(parts) * PAGES_PER_PART} of {counted(pages, 'page')}")
        parts[first_page] = reader.part(first_page)
    document = _composed(item.name, sha256, kind, [parts[first_page] for first_page in sorted(parts)])
    artifacts.put(_key(name), document.model_dump_json().encode(), media_type="application/json")
    return document


def _key(name: str) -> str:
    return f"cache/extract/{EXTRACTOR_VERSION}/{name}"


def _cached(artifacts: ArtifactStore, name: str) -> bytes | None:
    try:
        return artifacts.get(SCHEME + _key(name))
    except NotFound:
        return None
    except Corrupt as error:  # it is made anew from the document itself
        _log.warning("A text that was kept is damaged: %s", error.place or error.message)
        return None


class _PartReader:
    """Reads parts of one document, each from the cache or in a sandbox run. ``runs`` counts the latter."""

    def __init__(
        self, sandbox: CodeSandbox, artifacts: ArtifactStore, item: MissionInput, path: Path, kind: Format, sha256: str, folder: Path
    ) -> None:
        self._sandbox = sandbox
        self._artifacts = artifacts
        self._name = item.name
        self._input = SandboxInput("document", path, item.uri)
        self._kind = kind
        self._sha256 = sha256
        self._folder = folder
        self.runs = 0

    def part(self, first_page: int) -> _Part:
        """The part that begins on ``first_page``."""
        name = f"{self._sha256}/from-{first_page:05}.json"
        kept = _cached(self._artifacts, name) if self._kind is PDF else None
        if kept is not None:
            return _Part.model_validate_json(kept)
        part = self._read(first_page)
        if self._kind is PDF and (part.about.pages or 0) > PAGES_PER_PART:
            self._artifacts.put(_key(name), part.model_dump_json().encode(), media_type="application/json")
        return part

    def _read(self, first_page: int) -> _Part:
        """One run; where it takes too long or too much, once more without looking for tables."""
        result, folder = self._run(first_page, tables=True)
        if result.status in ("timeout", "memory", "killed") and self._kind is PDF:
            result, folder = self._run(first_page, tables=False)
        if result.status != "ok":
            reason = {"timeout": "takes too long to read", "memory": "needs too much memory to read", "output_limit": "holds too much text"}
            what = reason.get(result.status, "cannot be parsed: it is damaged, or made to break a parser")
            raise InputUnreadable(f"{self._name} {what}.", remedy="Split it, or save it anew and try again.")
        return _parse(self._name, result, folder)

    def _run(self, first_page: int, *, tables: bool) -> tuple[SandboxResult, Path]:
        self.runs += 1
        outputs = self._folder / f"run-{self.runs}"
        script, libraries = _scripts()
        job = SandboxJob(
            script=script,
            inputs=(self._input,),
            parameters={
                "format": self._kind.name,
                "first_page": first_page,
                "last_page": first_page + PAGES_PER_PART - 1,
                "tables": tables,
            },
            limits=_LIMITS,
            libraries=libraries,
        )
        return self._sandbox.run(job, outputs_to=outputs), outputs


@lru_cache(maxsize=1)
def _scripts() -> tuple[str, tuple[tuple[str, str], ...]]:
    """The main script and its modules, as the sandbox takes them."""
    main = (_SCRIPTS / "extract.py").read_text(encoding="utf-8")
    modules = sorted(_SCRIPTS.glob("reading_*.py"))
    return main, tuple((path.stem, path.read_text(encoding="utf-8")) for path in modules)


def _parse(name: str, result: SandboxResult, folder: Path) -> _Part:
    damaged = InputUnreadable(f"{name} cannot be parsed: it is damaged, or made to break a parser.", remedy="Save it anew and try again.")
    try:
        about = _About.model_validate(result.result)
        if about.problem:
            raise InputUnreadable(f"{name} {about.message}.", remedy=about.remedy)
        file = folder / "blocks.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() and not file.is_symlink() else []
        return _Part(about=about, blocks=tuple(Block.model_validate_json(line) for line in lines))
    except (ValidationError, UnicodeDecodeError):
        raise damaged from None


def _composed(name: str, sha256: str, kind: Format, parts: list[_Part]) -> ExtractedDocument:
    about = parts[0].about
    composed = compose([block for part in parts for block in part.blocks])
    without_text = [page for part in parts for page in part.about.without_text]
    unread = [page for part in parts for page in part.about.unread]
    if not composed.text.strip():
        if without_text:
            raise InputUnreadable(f"{name}: none of its pages holds text; it looks like a scan.", remedy="Run OCR on it first.")
        raise InputUnreadable(f"{name} holds no text.", remedy="Give a file that does.")
    flags: list[str] = []
    warnings = list(composed.warnings)
    if without_text:
        flags.append("pages_without_text")
        warnings.append(f"p. {_ranges(without_text)} hold no text; run OCR first if they are scans")
    if unread:
        flags.append("pages_unread")
        warnings.append(f"p. {_ranges(unread)} could not be read: they are damaged")
    if any(part.about.truncated for part in parts) or (about.pages or 0) > MAX_PAGES:
        flags.append("truncated")
        warnings.append("the document is longer than what is read of one; its end is missing")
    return ExtractedDocument(
        sha256=sha256,
        media_type=kind.media_type,
        title=_title(about.title) or _title(composed.first_heading),
        date=about.date,
        pages=about.pages,
        text=composed.text,
        text_sha256=hashlib.sha256(composed.text.encode()).hexdigest(),
        spans=composed.spans,
        tables=composed.tables,
        flags=tuple(flags),
        warnings=tuple(warnings),
    )


def _title(text: str | None) -> str | None:
    """A title a person would recognise: not what a program puts there by itself."""
    if not text or text.strip().casefold() in {"untitled", "(anonymous)", "anonymous", "unspecified", "word document", "none"}:
        return None
    return text.strip()[:300]


def _ranges(numbers: list[int]) -> str:
    """``[1, 2, 3, 7]`` as ``1-3, 7``."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join(shown[:20]) + (", ..." if len(shown) > 20 else "")
