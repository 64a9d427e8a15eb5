"""The host's two readers of what untrusted code sends: whatever arrives, in whatever pieces, they neither crash nor believe it."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.adapters.sandbox_outputs import OutputWriter, media_type
from shared.sandbox_channel import ChannelReader

RECORD = {"t": "record", "name": "x", "value": 1, "unit": None, "n": None, "filters": None, "line": 1}
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
almost_messages = st.builds(
    lambda kind, fields: json.dumps({"t": kind, **fields}).encode() + b"\n",
    st.sampled_from(["record", "emit", "error", "warning", "start", "other"]),
    st.dictionaries(st.sampled_from(["name", "value", "unit", "n", "filters", "line", "result", "text", "memory"]), json_like),
)
altered_records = st.builds(
    lambda key, value: json.dumps({**RECORD, key: value}).encode() + b"\n", st.sampled_from([*RECORD, "more"]), json_like
)
headers = st.builds(
    lambda name, size: json.dumps({"name": name, "size": size}).encode() + b"\n",
    st.text(max_size=6) | st.sampled_from(["../x", "/x", "a/b", "a", "a/../../b", "."]),
    st.integers(-1, 5) | json_like,
)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """The data in pieces, cut at some places."""
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    return [data[start:end] for start, end in pairwise(places)]


@given(st.lists(almost_messages | altered_records | st.binary(max_size=30), max_size=6), st.lists(st.integers(0, 10_000), max_size=4))
@example([b'{"t":"emit","result":' + b'{"a":' * 20_000, b"\n"], [])
@example([b'{"t":"record","name":"x","value":' + b"9" * 5_000 + b"}\n"], [])
def test_arbitrary_bytes_on_the_channel_never_crash_the_reader_and_what_it_keeps_is_valid(pieces: list[bytes], at: list[int]) -> None:
    reader = ChannelReader()
    for chunk in cut(b"".join(pieces), at):
        reader.feed(chunk)
    reader.end()
    for value in reader.values:
        assert 0 < len(value.name) <= 200 and value.line >= 0 and (value.n is None or value.n >= 0)
        assert value.value is None or isinstance(value.value, str | bool) or math.isfinite(value.value)
        json.dumps([value.name, value.value, value.unit, value.filters], ensure_ascii=False, allow_nan=False).encode()
    json.dumps(reader.result, ensure_ascii=False, allow_nan=False).encode()
    json.dumps([reader.traceback, *reader.warnings], ensure_ascii=False).encode()


@given(st.lists(altered_records | almost_messages, max_size=6), st.lists(st.integers(0, 10_000), max_size=6))
def test_how_the_bytes_are_cut_makes_no_difference(pieces: list[bytes], at: list[int]) -> None:
    data = b"".join(pieces)
    whole, pieced = ChannelReader(), ChannelReader()
    whole.feed(data)
    for chunk in cut(data, at):
        pieced.feed(chunk)
    assert (whole.values, whole.result, whole.malformed, whole.warnings) == (
        pieced.values,
        pieced.result,
        pieced.malformed,
        pieced.warnings,
    )


def test_after_a_malformed_line_nothing_is_believed() -> None:
    good = json.dumps(RECORD).encode() + b"\n"
    reader = ChannelReader()
    reader.feed(good + b"{}\n" + good)
    assert len(reader.values) == 1 and reader.malformed


def test_half_a_line_at_the_end_is_malformed() -> None:
    reader = ChannelReader()
    reader.feed(json.dumps(RECORD).encode())
    reader.end()
    assert reader.values == [] and "middle of a line" in reader.malformed


@given(st.lists(headers | st.binary(max_size=12), max_size=6), st.lists(st.integers(0, 10_000), max_size=4))
def test_arbitrary_bytes_on_the_output_stream_write_nothing_outside_the_folder(pieces: list[bytes], at: list[int]) -> None:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "a" / "outputs"
        folder.mkdir(parents=True)
        writer = OutputWriter(folder, max_bytes=12)
        for chunk in cut(b"".join(pieces), at):
            writer.feed(chunk)
        writer.end()
        on_disk = {path for path in Path(parent).rglob("*") if not path.is_dir()}
        assert on_disk == {file.path for file in writer.files} and all(path.is_relative_to(folder) for path in on_disk)
        assert sum(file.size for file in writer.files) <= 12
        for file in writer.files:
            assert hashlib.sha256(file.path.read_bytes()).hexdigest() == file.sha256 and file.path.stat().st_size == file.size


@pytest.mark.parametrize(("said", "exit_code"), [(0, 0), (137, 137), (256, None), (-1, None), (True, None), ("0", None), (None, None)])
def test_only_an_exit_code_that_a_process_can_have_is_taken(tmp_path: Path, said: object, exit_code: int | None) -> None:
    writer = OutputWriter(tmp_path, max_bytes=12)
    writer.feed(json.dumps({"end": True, "exit_code": said, "cpu_s": 0.5, "peak_kib": 9}).encode() + b"\n")
    assert writer.exit_code == exit_code and writer.cpu_s == 0.5 and not writer.malformed


def test_media_types_do_not_depend_on_the_machine() -> None:
    names = ("a.CSV", "chart.svg", "x.parquet", "noending", "t.jsonl")
    assert [media_type(name) for name in names] == [
        "text/csv",
        "image/svg+xml",
        "application/vnd.apache.parquet",
        "application/octet-stream",
        "application/x-ndjson",
    ]
