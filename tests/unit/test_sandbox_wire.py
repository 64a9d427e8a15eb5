"""A run's answer on its way: it arrives as it was, or is refused; a service gone wrong is not believed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import BadInput, Corrupt
from shared.sandbox import OutputFile, RecordedValue, SandboxJob, SandboxLimits, SandboxResult
from shared.sandbox_wire import AnswerReader, answer_of, job_of, request_of

LIMITS = SandboxLimits(file_mb=1)


def left_by_a_run(folder: Path) -> SandboxResult:
    folder.mkdir()
    outputs = []
    for name, data in (("table.csv", b"a,b\n1,2\n"), ("charts/é.svg", b"<svg/>" * 1000), ("empty", b"")):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        media_type = {"table.csv": "text/csv", "charts/é.svg": "image/svg+xml"}.get(name, "application/octet-stream")
        outputs.append(OutputFile(name, path, hashlib.sha256(data).hexdigest(), len(data), media_type))
    values = (1, 1.0, True, "Köln", None, 2**62, -0.1, "1", False)
    return SandboxResult(
        status="ok",
        exit_code=0,
        stdout="out\0\x1b\ufffd\n",
        stderr="",
        traceback="",
        values=tuple(RecordedValue(f"v{i}", value, "%", i, None, i) for i, value in enumerate(values)),
        result={"big": 2**200, "nested": [[{"é": [None, True, 1e300]}]], "text": "line\nline"},
        outputs=tuple(outputs),
        wall_s=0.5,
        cpu_s=0.25,
        peak_mb=30.5,
        warnings=("one", "two"),
    )


def read(answer: bytes, to: Path, *, size: int = 1000) -> SandboxResult:
    to.mkdir()
    reader = AnswerReader(to, LIMITS)
    for at in range(0, len(answer), size):
        reader.feed(answer[at : at + size])
    return reader.end()


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_an_answer_arrives_as_it_was_however_it_is_cut(size: int, tmp_path: Path) -> None:
    sent = left_by_a_run(tmp_path / "there")
    got = read(b"".join(answer_of(sent)), tmp_path / "here", size=size)
    assert replace(got, outputs=()) == replace(sent, outputs=())
    assert [type(value.value) for value in got.values] == [type(value.value) for value in sent.values]
    assert [replace(file, path=Path()) for file in got.outputs] == [replace(file, path=Path()) for file in sent.outputs]
    assert [file.path.read_bytes() for file in got.outputs] == [file.path.read_bytes() for file in sent.outputs]
    assert all(file.path.is_relative_to(tmp_path / "here") for file in got.outputs)


def _renamed(result: dict[str, object], files: bytes, name: str) -> bytes:
    outputs = [{**output, "name": name if output["name"] == "table.csv" else output["name"]} for output in result["outputs"]]  # type: ignore[attr-defined]  # a list of maps
    return json.dumps({**result, "outputs": outputs}).encode() + b"\n" + files.replace(b"table.csv", json.dumps(name).encode()[1:-1])


@pytest.mark.parametrize(
    "change",
    [
        lambda result, files: b"",
        lambda result, files: json.dumps(result).encode(),
        lambda result, files: json.dumps(result).encode() + b"\n" + files[:-1],
        lambda result, files: json.dumps(result).encode() + b"\n" + files.replace(b"1,2", b"1,3"),
        lambda result, files: json.dumps(result).encode() + b"\n" + files + b'{"name": "more", "size": 1}\nx',
        lambda result, files: json.dumps({**result, "outputs": []}).encode() + b"\n" + files,
        lambda result, files: json.dumps({**result, "status": "splendid"}).encode() + b"\n" + files,
        lambda result, files: json.dumps({**result, "more": 1}).encode() + b"\n" + files,
        lambda result, files: b"[" * 100_000 + b"\n" + files,
        lambda result, files: b"<html>502 Bad Gateway</html>\n",
        lambda result, files: json.dumps(result).encode() + b'\n{"name": "big", "size": 1048577}\n' + bytes(10),
        lambda result, files: _renamed(result, files, "../escaped.csv"),
        lambda result, files: _renamed(result, files, "/tmp/escaped.csv"),
        lambda result, files: _renamed(result, files, "charts/../../escaped.csv"),
        lambda result, files: _renamed(result, files, "empty/escaped.csv"),
    ],
)
def test_a_changed_answer_is_refused_and_writes_nothing_elsewhere(
    change: Callable[[dict[str, object], bytes], bytes], tmp_path: Path
) -> None:
    line, _, files = b"".join(answer_of(left_by_a_run(tmp_path / "there"))).partition(b"\n")
    with pytest.raises(Corrupt, match="cannot be used"):
        read(change(json.loads(line), files), tmp_path / "here")
    assert {path.name for path in tmp_path.iterdir()} == {"there", "here"}
    assert all(path.is_relative_to(tmp_path / "here") for path in tmp_path.rglob("escaped.csv"))


def test_a_job_is_the_same_on_the_other_side(tmp_path: Path) -> None:
    job = SandboxJob(
        "record('x', 1)\n\0 é", parameters={"big": 2**100, "list": [1, None, 0.1]}, libraries=(("helper", "x = 1"),), scope="missions/m"
    )
    sent = type(request_of(job, (), job.scope)).model_validate_json(request_of(job, (), job.scope).model_dump_json())
    assert job_of(sent, {}) == job


@pytest.mark.parametrize("limits", [SandboxLimits(seconds=500), SandboxLimits(memory_mb=1 << 20), SandboxLimits(processes=10_000)])
def test_what_the_service_does_not_take_is_said_before_it_is_asked(limits: SandboxLimits) -> None:
    with pytest.raises(BadInput, match="less than or equal"):
        request_of(SandboxJob("", limits=limits), (), "missions/m")
