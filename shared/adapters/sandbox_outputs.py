"""Takes the files of ``outputs/`` off the stream on which the sandbox sends them, and writes our copies.

No folder of the host is ever mounted writable: files arrive as bytes with a name. So a link in the sandbox can lead nowhere here,
and the names are the only thing to distrust. Each file is a line of JSON (``name`` and ``size``, or ``name`` and ``skipped``)
followed by its bytes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from shared.errors import StorageFull
from shared.sandbox import MAX_OUTPUT_FILES, OutputFile

MAX_HEADER = 8_192
MAX_SKIPPED = 50
MAX_PARTS = 8
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Named here, since ``mimetypes`` reads the machine's own tables and so answers differently from one to the next."""


def media_type(name: str) -> str:
    """The media type by the file's ending; ``application/octet-stream`` where it says nothing."""
    known = MEDIA_TYPES.get(Path(name).suffix.lower())
    return known or mimetypes.MimeTypes(filenames=()).guess_type(name)[0] or "application/octet-stream"


@dataclass(slots=True)
class OutputWriter:
    """Fed with chunks as they arrive. ``malformed`` ends it; ``too_much`` says that the files pass their total.

    ``exit_code`` is there once all has come.
    """

    folder: Path
    max_bytes: int
    files: list[OutputFile] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    malformed: str = ""
    too_much: bool = False
    exit_code: int | None = None
    cpu_s: float = 0.0
    peak_bytes: int = 0
    """What the run says it used: to be believed only within what the host saw."""
    _header: bytearray = field(default_factory=bytearray)
    _total: int = 0
    _left: int = 0
    _name: str = ""
    _size: int = 0
    _skipped: int = 0
    _file: BinaryIO | None = None
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Raises ``StorageFull`` only."""
        view = memoryview(chunk)
        while view and not self.malformed:
            if self._left == 0:
                view = self._take_header(view)
            else:
                taken = view[: self._left]
                view = view[len(taken) :]
                self._write(taken)

    def end(self) -> None:
        """The stream is closed: an unfinished file is removed."""
        if self._file is not None:
            self._file.close()
            self._file = None
            (self.folder / self._name).unlink()
            self.warnings.append(f"outputs/{self._name} was cut off and is left out")
        elif self._header and not self.malformed:
            self.malformed = "it ends in the middle of a header"
        if self._skipped > MAX_SKIPPED:
            self.warnings.append(f"{self._skipped - MAX_SKIPPED} more things in outputs/ are left out")

    def _take_header(self, view: memoryview) -> memoryview:
        end = bytes(view[:MAX_HEADER]).find(b"\n")
        self._header += view[: end if end >= 0 else MAX_HEADER]
        if end < 0 or len(self._header) > MAX_HEADER:
            if len(self._header) >= MAX_HEADER:
                self.malformed = "a header is too long"
            return view[MAX_HEADER:]
        header = bytes(self._header)
        self._header.clear()
        self._begin(header)
        return view[end + 1 :]

    def _begin(self, header: bytes) -> None:
        try:
            entry = json.loads(header.decode("utf-8"))
            if entry.get("end") is True:
                self._take_end(entry.get("exit_code"), entry.get("cpu_s"), entry.get("peak_kib"))
                return
            name = entry["name"]
            skipped = entry.get("skipped")
            size = None if skipped is not None else entry["size"]
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            self.malformed = "a header is not what the runtime writes"
            return
        if not isinstance(name, str) or isinstance(size, bool) or not isinstance(size, int | None) or (size or 0) < 0:
            self.malformed = "a header is not what the runtime writes"
        elif size is None:
            self._skip(name, str(skipped)[:100])
        elif self._total + size > self.max_bytes:
            self.too_much, self.malformed = True, f"its files are larger than {self.max_bytes:,} bytes"
        elif len(self.files) >= MAX_OUTPUT_FILES:
            self.too_much, self.malformed = True, f"more than {MAX_OUTPUT_FILES:,} files"
        else:
            self._open(name, size)

    def _take_end(self, exit_code: object, cpu_s: object, peak_kib: object) -> None:
        if isinstance(exit_code, int) and not isinstance(exit_code, bool) and 0 <= exit_code <= 255:
            self.exit_code = exit_code
        if isinstance(cpu_s, float) and math.isfinite(cpu_s):
            self.cpu_s = max(0.0, cpu_s)
        if isinstance(peak_kib, int) and 0 <= peak_kib < 1 << 40:
            self.peak_bytes = peak_kib * 1024

    def _skip(self, name: str, why: str) -> None:
        self._skipped += 1
        if self._skipped <= MAX_SKIPPED:
            printable = "".join(character if character.isprintable() else "?" for character in name[:100])
            self.warnings.append(f"outputs/{printable} {why} and is left out")

    def _open(self, name: str, size: int) -> None:
        self._name, self._size, self._left, self._digest = name, size, size, hashlib.sha256()
        self._total += size
        if not _is_safe(name):
            self._skip(name, "has a name that is not allowed")
            return
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb")
        except (FileExistsError, NotADirectoryError):
            self._skip(name, "was sent twice")
            return
        except OSError as error:
            raise _storage_error(error) from error
        self._write(memoryview(b""))

    def _write(self, data: memoryview) -> None:
        """Append to the open file, and finish it with its last byte; without one (it is left out) the bytes go nowhere."""
        self._left -= len(data)
        if self._file is None:
            return
        try:
            self._file.write(data)
            self._digest.update(data)
            if self._left:
                return
            self._file.close()
        except OSError as error:
            raise _storage_error(error) from error
        self._file = None
        self.files.append(
            OutputFile(
                name=self._name,
                path=self.folder / self._name,
                sha256=self._digest.hexdigest(),
                size=self._size,
                media_type=media_type(self._name),
            )
        )


def _is_safe(name: str) -> bool:
    """Relative, at most 8 parts, none of them hidden in the path's grammar, printable, and short enough for any file system."""
    parts = name.split("/")
    return (
        name.isprintable()
        and len(parts) <= MAX_PARTS
        and all(part not in ("", ".", "..") and len(part.encode("utf-8", "replace")) <= 255 for part in parts)
        and "\\" not in name
    )


def _storage_error(error: OSError) -> OSError | StorageFull:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    return StorageFull("The disk is full: the output files of a run could not be stored.", remedy="Free some space and run again.")
