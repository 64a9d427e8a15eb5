"""What is stored of a mission and is not what its events say: each kind of forgery, with the digest that lies beside it and without."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from schemas.mission import MissionRequest
from shared.artifacts import SCHEME, ArtifactStore
from shared.documents import Json
from shared.missions.anchors import ANCHORS
from shared.missions.chain import Happening
from shared.missions.contents import DELETED
from shared.missions.records import mission_ref
from shared.missions.repository import Change
from shared.runtime import Runtime
from tests.support.chains import places, written_anew
from tests.support.command import Kimera
from tests.support.copied_folder import breaks, ended_mission, found, mission_id, runtime

__all__ = ["mission_id", "runtime"]
REPORT = "missions/{}/reports/v1/"
FILES = ("report.md", "report.html", "report.json", "fusion-input.json", "alignment.json")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, bubblewrap: Path) -> tuple[Path, str]:
    return ended_mission(tmp_path_factory.mktemp("original"))


class CountingDigests:
    """The store, which counts what is read for its digest."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self.asked = Counter[str]()

    def digest(self, uri: str) -> str:
        self.asked[uri] += 1
        return self._store.digest(uri)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def forge(runtime: Runtime, key: str, change: Callable[[bytes], bytes] = lambda data: data + b" ", *, digest_too: bool) -> None:
    """Change a stored artifact, as somebody with the data folder in their hands can."""
    data = change(runtime.artifacts.get(SCHEME + key))
    sha256 = hashlib.sha256(data).hexdigest()
    with closing(sqlite3.connect(runtime.home / "kimera.sqlite3")) as connection, connection:
        packed = connection.execute("UPDATE artifacts SET data = ? WHERE key = ?", (data, key)).rowcount
        if packed and digest_too:
            connection.execute("UPDATE artifacts SET sha256 = ? WHERE key = ?", (sha256, key))
    if packed:
        return
    place = runtime.home / "artifacts" / "objects" / f"{key}@"
    texts = {place.name.removesuffix("@"): data}
    if digest_too:
        texts["@"] = json.dumps({"sha256": sha256, "size": len(data), "media_type": "text/plain"}).encode()
    for name, text in texts.items():
        (place / name).chmod(0o644)
        (place / name).write_bytes(text)


def named_by_slices(runtime: Runtime, mission_id: str, what: str) -> list[str]:
    events = runtime.audit.events(mission_id)
    return [str(event.detail[what]).removeprefix(SCHEME) for event in events if event.kind == "slice.committed" and what in event.detail]


def change_mission(runtime: Runtime, mission_id: str, **changes: Json) -> None:
    document = runtime.documents.get(mission_ref(mission_id))
    assert document is not None
    runtime.documents.put(document.ref, {**document.data, **changes})


def mission_field(runtime: Runtime, mission_id: str, name: str) -> Json:
    document = runtime.documents.get(mission_ref(mission_id))
    assert document is not None
    value: Json = json.loads(json.dumps(document.data[name]))
    return value


def test_a_mission_as_it_was_written_is_intact_and_all_its_files_were_read(runtime: Runtime, mission_id: str) -> None:
    (checked,) = runtime.audit.checked(mission_id, runtime.artifacts)
    assert checked.breaks == () and checked.undigested == 0
    own = {a.key for a in runtime.artifacts.list(f"missions/{mission_id}/")}
    of_report = {REPORT.format(mission_id) + name for name in FILES}
    by_slices = {*named_by_slices(runtime, mission_id, "state"), *named_by_slices(runtime, mission_id, "handoff")}
    attached = [key for key in own if "/outputs/" in key or key.endswith((".py", ".csv", ".svg", ".png"))]
    assert of_report | by_slices <= own and checked.files >= len(of_report | by_slices) + bool(attached)


@pytest.mark.parametrize("digest_too", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_a_forged_report_is_found(runtime: Runtime, mission_id: str, name: str, digest_too: bool) -> None:
    key = REPORT.format(mission_id) + name
    forge(runtime, key, digest_too=digest_too)
    assert breaks(runtime, mission_id) == [("fusion", 1, f"{key} is not what was stored")]
    assert [b.what for b in runtime.audit.verify(artifacts=runtime.artifacts).breaks] == [f"{key} is not what was stored"]
    assert runtime.audit.verify(mission_id).breaks == (), "no file is read where nobody asks for it"


@pytest.mark.parametrize("digest_too", [False, True])
@pytest.mark.parametrize("what", ["handoff", "state"])
def test_a_forged_package_or_state_is_found(runtime: Runtime, mission_id: str, what: str, digest_too: bool) -> None:
    key = named_by_slices(runtime, mission_id, what)[0]
    forge(runtime, key, digest_too=digest_too)
    assert [text for _, _, text in breaks(runtime, mission_id)] == [f"{key} is not what was stored"]


@pytest.mark.parametrize("digest_too", [False, True])
def test_a_forged_source_text_that_quotes_stand_in_is_found(runtime: Runtime, mission_id: str, digest_too: bool) -> None:
    (text,) = (artifact.key for artifact in runtime.artifacts.list(f"missions/{mission_id}/") if "/texts/" in artifact.key)
    forge(runtime, text, digest_too=digest_too)
    assert {what for _, _, what in breaks(runtime, mission_id)} == {f"{text} is not what was stored"}


def test_a_forged_chart_table_or_script_of_the_report_is_found_and_not_handed_out(runtime: Runtime, mission_id: str) -> None:
    outcome = json.loads(runtime.artifacts.get(f"{SCHEME}{REPORT.format(mission_id)}report.json"))
    attached = outcome["artifacts"][0]["name"]
    key = outcome["provenance"]["uris"][attached].removeprefix(SCHEME)
    forge(runtime, key, digest_too=True)
    assert {text for _, _, text in breaks(runtime, mission_id)} == {f"{key} is not what was stored"}
    kimera, folder = Kimera(runtime.home.parent), runtime.home.parent / "saved"
    assert kimera("report", mission_id, "--out", str(folder)).code == 0
    assert (folder / "report.json").exists() and attached not in {path.name for path in folder.rglob("*/*")}


def test_a_file_that_is_gone_is_found_unless_the_mission_was_deleted(runtime: Runtime, mission_id: str) -> None:
    key = REPORT.format(mission_id) + "report.html"
    runtime.artifacts.delete_prefix(key)
    assert breaks(runtime, mission_id) == [("fusion", 1, f"{key} is gone")]
    kimera = Kimera(runtime.home.parent)
    assert kimera("delete", mission_id).code == 0
    assert found(runtime, mission_id) == ()
    assert kimera("audit", "verify").code == 0


def test_a_deletion_that_died_half_way_is_no_break(runtime: Runtime, mission_id: str) -> None:
    runtime.missions.change(mission_id, "api", lambda mission, _: Change(mission, [Happening(DELETED)]))
    assert runtime.artifacts.delete_prefix(f"missions/{mission_id}/") > 10
    assert found(runtime, mission_id) == ()


def test_a_changed_request_is_found(runtime: Runtime, mission_id: str) -> None:
    request = mission_field(runtime, mission_id, "request")
    assert isinstance(request, dict)
    for field, value in {"question": "What else?", "output_guidelines": "Be short.", "tier": "premium", "mode": "benchmark"}.items():
        change_mission(runtime, mission_id, request={**request, field: value})
        expected = [("api", 1, "the mission's document has another request than was submitted")]
        assert breaks(runtime, mission_id) == expected, field
        assert [(b.writer, b.n) for b in runtime.audit.verify(mission_id).breaks] == [("api", 1)], "without reading a file, too"
    change_mission(runtime, mission_id, request=request)
    assert breaks(runtime, mission_id) == []


@pytest.mark.parametrize("digest_too", [False, True])
def test_a_changed_input_is_found_and_called_as_the_user_called_it(runtime: Runtime, mission_id: str, digest_too: bool) -> None:
    given = runtime.missions.get(mission_id).request.inputs
    for item in given:
        forge(runtime, item.uri.removeprefix(SCHEME), digest_too=digest_too)
    assert breaks(runtime, mission_id) == [("api", 1, f"the input {item.name!r} is not what was stored") for item in given]
    assert runtime.audit.verify(mission_id).breaks == (), "no file is read where nobody asks for it"
    shown = Kimera(runtime.home.parent)("audit", "verify")
    assert shown.code == 1 and f"BROKEN  {mission_id}  api entry 1: the input {given[0].name!r} is not what was stored" in shown.out
    assert "inputs/" not in shown.out and str(runtime.home) not in shown.out


def test_who_changes_an_input_and_what_the_mission_says_of_it_is_found_by_the_request(runtime: Runtime, mission_id: str) -> None:
    request = mission_field(runtime, mission_id, "request")
    assert isinstance(request, dict) and isinstance(request["inputs"], list) and isinstance(request["inputs"][0], dict)
    key = str(request["inputs"][0]["uri"]).removeprefix(SCHEME)
    forge(runtime, key, digest_too=True)
    for sha256 in (runtime.artifacts.digest(SCHEME + key), None):
        change_mission(
            runtime, mission_id, request={**request, "inputs": [{**request["inputs"][0], "sha256": sha256}, *request["inputs"][1:]]}
        )
        assert breaks(runtime, mission_id) == [("api", 1, "the mission's document has another request than was submitted")]


def test_an_input_that_is_gone_is_found_unless_it_went_with_its_mission(runtime: Runtime, mission_id: str) -> None:
    first, *others = runtime.missions.get(mission_id).request.inputs
    runtime.artifacts.delete_prefix(first.uri.removeprefix(SCHEME))
    assert breaks(runtime, mission_id) == [("api", 1, f"the input {first.name!r} is gone")]
    kimera = Kimera(runtime.home.parent)
    assert kimera("delete", mission_id, "--unused-inputs").code == 0
    assert not list(runtime.artifacts.list("inputs/")), [item.name for item in others]
    assert found(runtime, mission_id) == ()
    assert kimera("audit", "verify").code == 0


def test_an_input_of_several_missions_is_read_once_and_told_of_each(runtime: Runtime, mission_id: str) -> None:
    mission = runtime.missions.get(mission_id)
    other, _ = runtime.missions.create(mission.request, owner=mission.owner, idempotency_key=None)
    read = CountingDigests(runtime.artifacts)
    checked = {found.mission_id: found for found in runtime.audit.checked(artifacts=cast("ArtifactStore", read))}
    assert [checked[m].breaks for m in (mission_id, other.mission_id)] == [(), ()]
    assert checked[other.mission_id].files == len(mission.request.inputs)
    assert {item.uri: read.asked[item.uri] for item in mission.request.inputs} == dict.fromkeys([i.uri for i in mission.request.inputs], 1)
    forge(runtime, mission.request.inputs[0].uri.removeprefix(SCHEME), digest_too=True)
    told = {b.mission_id for b in runtime.audit.verify(artifacts=runtime.artifacts).breaks}
    assert told == {mission_id, other.mission_id}


def test_a_changed_owner_is_found(runtime: Runtime, mission_id: str) -> None:
    change_mission(runtime, mission_id, owner="eve")
    assert breaks(runtime, mission_id) == [("api", 1, "the mission's document has another owner than who submitted it")]


def test_a_mission_that_names_other_files_as_its_report_is_found(runtime: Runtime, mission_id: str) -> None:
    reports = mission_field(runtime, mission_id, "reports")
    assert isinstance(reports, list) and isinstance(reports[0], dict)
    other = runtime.artifacts.put(f"missions/{mission_id}/reports/v1/other.md", b"It was nobody.").uri
    change_mission(runtime, mission_id, reports=[{**reports[0], "markdown_uri": other}])
    assert breaks(runtime, mission_id) == [("fusion", 1, "the mission's document has another version 1 of the report")]
    change_mission(runtime, mission_id, reports=[])
    assert breaks(runtime, mission_id) == [("fusion", 1, "the mission's document does not have version 1 of the report")]
    change_mission(runtime, mission_id, reports=[*reports, {**reports[0], "version": 2}])
    untold = "the mission's document has a version 2 of the report, of which no entry tells"
    assert breaks(runtime, mission_id) == [("fusion", 0, untold)]


def test_a_mission_that_says_it_ended_otherwise_is_found(runtime: Runtime, mission_id: str) -> None:
    told = next(event.n for event in runtime.audit.events(mission_id) if event.kind == "mission.done")
    for status in ("FAILED", "CANCELLED", "RUNNING"):
        change_mission(runtime, mission_id, status=status)
        assert breaks(runtime, mission_id) == [("lifecycle", told, f"the mission's document says {status}; it ended as DONE")]
    error: dict[str, Json] = {"code": "internal", "message": "It broke.", "remedy": ""}
    change_mission(runtime, mission_id, status="DONE", error=error)
    assert breaks(runtime, mission_id) == [
        ("lifecycle", told, "the mission's document gives internal for the reason; it ended with no error")
    ]


def test_a_mission_that_says_it_ended_and_did_not_is_found(runtime: Runtime, mission_id: str) -> None:
    mission = runtime.missions.get(mission_id)
    other, _ = runtime.missions.create(mission.request, owner=mission.owner, idempotency_key=None)
    assert breaks(runtime, other.mission_id) == []
    change_mission(runtime, other.mission_id, status="DONE")
    assert breaks(runtime, other.mission_id) == [("lifecycle", 0, "the mission's document says DONE, of which no entry tells")]


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_a_report_that_is_not_what_was_published_is_not_handed_out(runtime: Runtime, mission_id: str, form: str) -> None:
    kimera = Kimera(runtime.home.parent)
    assert kimera("report", mission_id, "--format", form).code == 0
    forge(runtime, f"{REPORT.format(mission_id)}report.{form}", digest_too=True)
    refused = kimera("report", mission_id, "--format", form)
    assert (refused.code, refused.out) == (1, "")
    assert f"report.{form} is not what was published" in refused.err and f"kimera audit verify {mission_id}" in refused.err


def test_the_command_tells_what_differs_and_can_leave_files_alone(runtime: Runtime, mission_id: str) -> None:
    kimera = Kimera(runtime.home.parent)
    key = REPORT.format(mission_id) + "report.md"
    forge(runtime, key, digest_too=True)
    shown, told, quick = (kimera("audit", "verify", *more) for more in ([mission_id], ["--json"], ["--events-only"]))
    assert (shown.code, told.code, quick.code) == (1, 1, 0)
    assert f"BROKEN  {mission_id}  fusion entry 1: {key} is not what was stored" in shown.out
    assert told.json["breaks"] == [{"mission_id": mission_id, "writer": "fusion", "n": 1, "what": f"{key} is not what was stored"}]
    assert quick.out.startswith("intact: ") and ", 0 files" in quick.out


def as_the_version_before(runtime: Runtime, mission_id: str) -> None:
    """Leave the mission as the version before wrote it: events with addresses alone, the digest of a request over all its fields."""
    request = MissionRequest.model_validate(mission_field(runtime, mission_id, "request"))
    old = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    for writer in ("api", "fusion", "deep_research", "ds_star"):
        for where in [p for p in places(runtime.documents, mission_id) if p.writer == writer]:
            entries = where.entries
            for at, entry in enumerate(entries):
                detail = json.loads(entry)["detail"]
                less = {k: v for k, v in detail.items() if k != "files" and not k.endswith("_sha256")}
                if "request_sha256" in detail:
                    less["request_sha256"] = old
                entries = written_anew(entries, at, less)
            last = json.loads(entries[-1])
            where = next(p for p in places(runtime.documents, mission_id) if (p.writer, p.path) == (where.writer, where.path))
            head: dict[str, Json] = {"schema_version": 1, "n": last["n"], "hash": last["hash"]}
            runtime.documents.put(where.document.ref, where.changed(entries, head=head))
    document = runtime.documents.get(mission_ref(mission_id))
    assert document is not None
    runtime.documents.put(document.ref, {key: value for key, value in document.data.items() if key != "published"})
    runtime.anchors.delete_prefix(f"{ANCHORS}/")
    mission = runtime.missions.get(mission_id)
    runtime.audit.anchor_mission(mission, runtime.missions.tracks(mission).values())


def test_an_honest_mission_of_the_version_before_is_intact_and_says_what_it_has_no_digest_of(runtime: Runtime, mission_id: str) -> None:
    as_the_version_before(runtime, mission_id)
    (checked,) = runtime.audit.checked(mission_id, runtime.artifacts)
    assert (checked.breaks, checked.undigested) == ((), 2)
    kimera = Kimera(runtime.home.parent)
    shown = kimera("audit", "verify")
    assert shown.code == 0 and "not covered by a digest: 2 files of reports" in shown.out, shown.out
    assert kimera("report", mission_id).code == 0


@pytest.mark.parametrize("digest_too", [False, True])
@pytest.mark.parametrize("what", ["report.json", "handoff", "state", "request"])
def test_what_the_version_before_wrote_is_compared_too(runtime: Runtime, mission_id: str, what: str, digest_too: bool) -> None:
    as_the_version_before(runtime, mission_id)
    if what == "request":
        request = mission_field(runtime, mission_id, "request")
        assert isinstance(request, dict)
        change_mission(runtime, mission_id, request={**request, "question": "What else?"})
    else:
        key = REPORT.format(mission_id) + what if what == "report.json" else named_by_slices(runtime, mission_id, what)[0]
        forge(runtime, key, digest_too=digest_too)
    assert len(breaks(runtime, mission_id)) == 1


def test_what_the_mission_says_of_its_newest_report_is_compared(runtime: Runtime, mission_id: str) -> None:
    published = mission_field(runtime, mission_id, "published")
    assert isinstance(published, dict)
    markdown = next(uri for uri in published if uri.endswith("report.md"))
    for changes, what in (
        ({"published": {**published, markdown: "f" * 64}}, "other digests of version 1 of the report"),
        ({"published": {}}, "other digests of version 1 of the report"),
        ({"flags": ["budget_exhausted"]}, "other flags than version 1 of the report"),
    ):
        was = {name: mission_field(runtime, mission_id, name) for name in changes}
        change_mission(runtime, mission_id, **cast("dict[str, Json]", changes))
        assert breaks(runtime, mission_id) == [("fusion", 1, f"the mission's document has {what}")]
        change_mission(runtime, mission_id, **was)
    change_mission(runtime, mission_id, fusion_status="PARTIAL")
    assert breaks(runtime, mission_id) == [("fusion", 1, "the mission's document says that the report is PARTIAL; version 1 is final")]
