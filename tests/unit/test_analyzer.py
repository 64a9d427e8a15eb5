"""The Analyzer on the host: broken files are named, good ones go on, and a file is described once."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from functions.ds_star.analyzer import DataInput, analyze_file, require_readable
from functions.ds_star.describe import render
from schemas.analysis import FileDescription
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.errors import InputUnreadable, SandboxUnavailable
from shared.sandbox import CodeSandbox, SandboxJob, SandboxResult
from tests.support.artifacts import damage
from tests.support.operations import describe, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap


class NoSandbox:
    """A sandbox that cannot run: what is known must not need it."""

    reads_artifacts = False

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        raise SandboxUnavailable("bubblewrap is not installed")

    def check(self) -> None:
        raise SandboxUnavailable("bubblewrap is not installed")

    def expect(self) -> None:
        pass


def _zip(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


BROKEN = {
    "empty.csv": (b"", "empty"),
    "blank.csv": (b"  \n\n \n", "white space"),
    "header.csv": (b"a,b,c\n", "no rows"),
    "binary.csv": (bytes(range(256)) * 40, "binary"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "PNG"),
    "packed.csv": (b"\x1f\x8b\x08\x00" + b"\x00" * 50, "gzip"),
    "page.csv": (b"<!DOCTYPE html><html><body>login</body></html>", "web page"),
    "bad.json": (b'{"a": [1, 2', "malformed at line 1"),
    "deep.json": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "scalar.json": (b"3", "no list of records"),
    "bad.jsonl": (b"hello\nworld\n", "not JSON"),
    "locked.xlsx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le"), "password"),
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, ".xls"),
    "bomb.xlsx": (_zip({"xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": b"0" * 40_000_000}), "unpack to 40 MB"),
    "broken.xlsx": (_zip({"xl/workbook.xml": b"<a/>"}), "cannot be read"),
    "cut.xlsx": (b"PK\x03\x04" + b"\x00" * 40, "damaged"),
    "letter.docx": (_zip({"word/document.xml": b"<a/>"}), "Word document"),
    "bad.parquet": (b"PAR1" + b"\x00" * 50, "Parquet"),
    "bad.db": (b"SQLite format 3\x00" + b"\x01" * 200, "SQLite"),
    "ragged.csv": (b"a,b\n" + b"1,2,3,4\n" * 20 + b"1,2\n", "more cells than the header"),
}


@pytest.fixture(scope="module")
def broken(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescription]:
    folder = tmp_path_factory.mktemp("broken")
    files = [write(folder, name, data) for name, (data, _) in BROKEN.items()]
    return describe(sandbox, [*files, write(folder, "good.csv", "a,b\n1,2\n")], folder / "out")


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_file_says_what_is_wrong_and_what_to_do(broken: dict[str, FileDescription], name: str) -> None:
    found = broken[name]
    assert found.error is not None and BROKEN[name][1] in found.error, found
    assert found.tables == () and len(found.error.split(". ")) >= 2
    with pytest.raises(InputUnreadable, match=name):
        require_readable(found)


def test_a_broken_file_does_not_stop_the_others(broken: dict[str, FileDescription]) -> None:
    assert require_readable(broken["good.csv"]).tables[0].rows == 1


def test_a_file_is_described_once_and_remembered_by_its_content(sandbox: CodeSandbox, tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path / "store")
    data = write(tmp_path, "a.csv", "station,temp\nBern,1.5\nBasel,2.5\n")
    first = analyze_file(sandbox, store, data, tmp_path)
    assert first.error is None and first.sha256 == data.sha256 and [a.key for a in store.list("cache/analyze/")]
    assert analyze_file(NoSandbox(), store, data, tmp_path) == first
    changed = tmp_path / "a.csv"
    changed.write_text("station,temp\nBern,9.5\n")
    with pytest.raises(SandboxUnavailable):
        analyze_file(NoSandbox(), store, DataInput.of(changed), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "store"]


def test_a_remembered_description_that_was_damaged_is_made_anew_and_remembered_again(
    sandbox: CodeSandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = FolderArtifacts(tmp_path / "store")
    data = write(tmp_path, "a.csv", "station,temp\nBern,1.5\nBasel,2.5\n")
    first = analyze_file(sandbox, store, data, tmp_path)
    (at,) = store.list("cache/analyze/")
    damage(tmp_path / "store", at.key)
    assert analyze_file(sandbox, store, data, tmp_path) == first
    assert "is damaged, and made anew" in caplog.text and at.key in caplog.text
    assert analyze_file(NoSandbox(), store, data, tmp_path) == first, "it is remembered again"
    assert len(list(store.list("cache/analyze/"))) == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable, match=r"gone\.csv"):
        DataInput.of(tmp_path / "gone.csv")


def test_a_description_is_rendered_within_its_limit(sandbox: CodeSandbox, tmp_path: Path) -> None:
    names = [f"a_rather_long_column_name_{i}" for i in range(300)]
    wide = write(tmp_path, "wide.csv", ",".join(names) + "\n" + ",".join(f"some text {i}" for i in range(300)) + "\n")
    small = write(tmp_path, "small.csv", "station,temp (°C)\nBern,1.5\nBasel,2.5\n")
    found = describe(sandbox, [wide, small], tmp_path / "out")
    text = render(found["wide.csv"])
    assert len(text) <= 5_200 and "more columns" in text
    assert "temp (°C): measure, number; °C; 1.5 to 2.5" in render(found["small.csv"])
