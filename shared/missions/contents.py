"""Whether what a mission's events name is what is stored: its request and inputs, its tracks' states and packages with all that their
slices stored, the answers that were paid for, its reports and files, how it ended and what it had spent.

A chain proves what its events say. They say by digest what was submitted, handed on and published; who changes that, and every digest
that lies beside it, still does not change the event. What is gone because the mission was deleted is as it should be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from schemas.events import AuditEvent
from schemas.mission import FusionMode, FusionStatus, MissionStatus, ReportVersion
from shared.artifacts import SCHEME, ArtifactStore
from shared.dead_letters import NO_MISSION
from shared.documents import DocumentStore, Json
from shared.errors import BadInput, Corrupt, NotFound
from shared.ledger.ledger import WRITER as LEDGER
from shared.ledger.told import OVERRUN, RELEASED, paid_otherwise, spent_otherwise
from shared.missions.chain import FILES
from shared.missions.chain_reading import Held
from shared.missions.records import MissionRecord, mission_ref
from shared.missions.request_digest import is_digest_of
from shared.models.told import is_answer, journaled_otherwise

CREATED, PUBLISHED, DELETED = "mission.created", "report.published", "mission.deleted"
ENDS = {f"mission.{status.lower()}": status for status in MissionStatus if status.terminal}
"""How a mission ended, by the event that tells it."""
API, FUSION, LIFECYCLE = "api", "fusion", "lifecycle"
"""The writers of these events."""
STATE, HANDOFF = "state", "handoff"
"""In the event of a slice: what it left for the next one, and the package that it handed on."""
_FUSION_STATUS: Mapping[FusionMode, FusionStatus] = {
    "partial": FusionStatus.PARTIAL,
    "final": FusionStatus.FINAL,
    "upgrade": FusionStatus.UPGRADED,
}
_SHA256 = "sha256"
_DIGEST_IN_ADDRESS = re.compile(r"/([0-9a-f]{16})/[^/]+")
"""What a slice stores lies under the beginning of its digest (``SliceContext.put_artifact``)."""


@dataclass(frozen=True, slots=True)
class Named:
    """An artifact that an event names, with its digest, or the beginning of it, or nothing where the event has none."""

    uri: str
    digest: str
    called: str = ""
    """What people know it by; else its key."""


def named(event: AuditEvent) -> Iterator[Named]:
    """The artifacts of its mission that an event names."""
    own = f"{SCHEME}missions/{event.mission_id}/"
    detail = event.detail
    files = detail.get(FILES)
    told = files if isinstance(files, Mapping) else {}
    yield from (Named(uri, str(digest)) for uri, digest in told.items() if uri.startswith(own))
    for key, value in detail.items():
        if isinstance(value, str) and value.startswith(own) and value not in told:
            stated = detail.get(_SHA256 if event.kind == PUBLISHED else f"{key}_{_SHA256}")
            in_address = _DIGEST_IN_ADDRESS.fullmatch(value[value.rfind("/", 0, value.rfind("/")) :])
            yield Named(value, str(stated) if stated is not None else in_address[1] if in_address else "")


class Contents:
    """What is stored of one mission, to be compared with its events. To be made before its chains are read, which may go on meanwhile."""

    def __init__(
        self,
        documents: DocumentStore,
        mission_id: str,
        held: Held,
        artifacts: ArtifactStore | None,
        input_digest: Callable[[str], str] | None = None,
    ) -> None:
        """``held``: what its documents say, which may be none (any more). Without ``artifacts`` none is read.

        ``input_digest`` is the store's ``digest``, which may know an input from another mission that has the same one.
        """
        self._documents = documents
        self._mission_id = mission_id
        self._held = held
        self._mission = held.mission
        self._artifacts = artifacts
        self._input_digest = input_digest
        self._digests: dict[str, str] = {}
        """Of the artifacts that were read, by address; empty where there is none."""
        self._told: set[int] = set()
        """The versions of the report that events tell of."""
        self._end_told = False
        self.deletion: AuditEvent | None = None
        """The event that tells of the mission's deletion."""
        self._left: dict[str, set[Json]] = {}
        """The states and packages that events tell of, by writer."""
        self._overruns_told = 0
        self.undigested = 0
        """Files of reports of which no event holds a digest: an earlier version told of the JSON format alone."""

    @property
    def files(self) -> int:
        """How many artifacts were read."""
        return sum(bool(digest) for digest in self._digests.values())

    def differences(self, event: AuditEvent) -> Iterator[str]:
        """What is stored otherwise than the event says."""
        if event.kind == DELETED:
            self.deletion = event
        self._left.setdefault(event.writer, set()).update(event.detail.get(what) for what in (STATE, HANDOFF))
        if event.mission_id != self._mission_id or self._mission is None:
            return
        if (event.writer, event.kind) == (API, CREATED):
            yield from self._created(event, self._mission)
        elif (event.writer, event.kind) == (FUSION, PUBLISHED):
            yield from self._published(event, self._mission)
        elif event.writer == LIFECYCLE and event.kind in ENDS:
            yield from self._ended(event, self._mission)
        elif (event.writer, event.kind) == (LEDGER, OVERRUN):
            self._overruns_told += 1
        elif (event.writer, event.kind) == (LEDGER, RELEASED):
            yield from self._released(event)
        if self._artifacts is not None:
            for artifact in named(event):
                yield from self._artifact(artifact, self._artifacts)
                for text in self._quoted(event, artifact, self._artifacts):
                    yield from self._artifact(text, self._artifacts)
                yield from self._journaled(artifact, self._artifacts)
            if event.kind == PUBLISHED:
                for artifact in self._of_report(event, self._artifacts):
                    yield from self._artifact(artifact, self._artifacts)

    def untold(self) -> Iterator[tuple[str, str]]:
        """What the mission's documents say that no event told, with the writer who should have. To be asked when all chains are read."""
        if self._is_lost:
            yield API, "the mission's document is gone, and no entry tells that it was deleted"
        for track in self._held.tracks:
            for what, uri in ((STATE, track.state_uri), (HANDOFF, track.handoff_uri)):
                if uri is not None and uri not in self._left.get(track.track, ()):
                    yield track.track, f"the track's document names {uri.removeprefix(SCHEME)} as its {what}, of which no entry tells"
        for report in self._mission.reports if self._mission else ():
            if report.version not in self._told:
                yield FUSION, f"the mission's document has a version {report.version} of the report, of which no entry tells"
        if self._mission is not None and self._mission.status.terminal and not self._end_told:
            yield LIFECYCLE, f"the mission's document says {self._mission.status}, of which no entry tells"

    @property
    def _is_lost(self) -> bool:
        """Whether there is something of the mission but its document, and no entry tells that it was deleted."""
        held = self._held
        if self._mission is not None or self._mission_id == NO_MISSION or mission_ref(self._mission_id) in held.damaged:
            return False
        return bool(self._left or held.chains or held.tracks) and self.deletion is None

    def _created(self, event: AuditEvent, mission: MissionRecord) -> Iterator[str]:
        if not is_digest_of(str(event.detail.get(f"request_{_SHA256}")), mission.request):
            yield "the mission's document has another request than was submitted"
        elif self._artifacts is not None:
            for item in _inputs(mission):
                yield from self._artifact(item, self._artifacts, self._input_digest)
        if event.detail.get("owner") != mission.owner:
            yield "the mission's document has another owner than who submitted it"

    def _published(self, event: AuditEvent, mission: MissionRecord) -> Iterator[str]:
        version, head = event.detail.get("version"), mission.heads.get(FUSION)
        if isinstance(version, int):
            self._told.add(version)
        if head is None or event.n > head.n:
            return  # it happened after the document was read
        self.undigested += 2 * (FILES not in event.detail)
        report = next((report for report in mission.reports if report.version == version), None)
        if report is None:
            yield f"the mission's document does not have version {version} of the report"
        elif (report.kind, *_addresses(report)) != (event.detail.get("mode"), *_files(str(event.detail.get("outcome")))):
            yield f"the mission's document has another version {version} of the report"
        else:
            yield from _shown_otherwise(event, mission, report)

    def _ended(self, event: AuditEvent, mission: MissionRecord) -> Iterator[str]:
        self._end_told = True
        head = mission.heads.get(LIFECYCLE)
        if head is None or event.n > head.n:
            return  # it happened after the document was read
        status, error = ENDS[event.kind], event.detail.get("error")
        found = mission.error.code if mission.error else None
        if mission.status is not status:
            yield f"the mission's document says {mission.status}; it ended as {status}"
        elif found != error:
            yield f"the mission's document gives {found or 'no error'} for the reason; it ended with {error or 'no error'}"

    def _released(self, event: AuditEvent) -> Iterator[str]:
        try:
            what = spent_otherwise(self._documents, event, overruns_before=self._overruns_told)
            what = what or paid_otherwise(self._documents, self._mission_id)
        except Corrupt as damaged:
            what = damaged.message
        if what is not None and not self._deleted():
            yield what

    def _journaled(self, artifact: Named, artifacts: ArtifactStore) -> Iterator[str]:
        """What the journal says otherwise of an answer, if that is what was stored."""
        found = self._digests.get(artifact.uri)
        if found and found == artifact.digest and is_answer(artifact.uri):
            what = journaled_otherwise(self._documents, artifact.uri, found, artifacts.get(artifact.uri))
            if what is not None and not self._deleted():
                yield what

    def _of_report(self, event: AuditEvent, artifacts: ArtifactStore) -> Iterator[Named]:
        """What is published with the report an event tells of, without being named in it."""
        outcome, markdown, html = _files(str(event.detail.get("outcome")))
        if FILES not in event.detail:
            yield from (Named(markdown, ""), Named(html, ""))
        if outcome.startswith(SCHEME) and self._digests.get(outcome) == event.detail.get(_SHA256):
            report = json.loads(artifacts.get(outcome))
            own, uris = f"{SCHEME}missions/{event.mission_id}/", report["provenance"]["uris"]
            for attached in report["artifacts"]:
                uri = uris.get(attached["name"], "")
                if uri.startswith(own):
                    yield Named(uri, attached[_SHA256])

    def _quoted(self, event: AuditEvent, package: Named, artifacts: ArtifactStore) -> Iterator[Named]:
        """The source texts that a package's quotes stand in, by the digests in the package; none where that is not what was stored."""
        found = self._digests.get(package.uri)
        if event.detail.get(HANDOFF) != package.uri or not (found and package.digest and found.startswith(package.digest)):
            return
        own = f"{SCHEME}missions/{event.mission_id}/"
        for source in json.loads(artifacts.get(package.uri)).get("sources", ()):
            if source["text_uri"].startswith(own):
                yield Named(source["text_uri"], source["text_sha256"])

    def _artifact(self, artifact: Named, artifacts: ArtifactStore, digest: Callable[[str], str] | None = None) -> Iterator[str]:
        if artifact.uri not in self._digests:
            try:
                self._digests[artifact.uri] = (digest or artifacts.digest)(artifact.uri)
            except NotFound:
                self._digests[artifact.uri] = ""
                if not self._deleted():
                    yield f"{_key(artifact)} is gone"
            except (BadInput, Corrupt) as error:
                self._digests[artifact.uri] = ""
                yield f"{_key(artifact)} cannot be read: {error.message}"
        found = self._digests[artifact.uri]
        if not found:
            return
        recorded = artifacts.stat(artifact.uri).sha256
        if not found.startswith(artifact.digest or recorded):
            yield f"{_key(artifact)} is not what was stored"
        elif found != recorded:
            self._digests[artifact.uri] = ""
            yield f"{_key(artifact)} is what was stored, but recorded with another digest, so that nothing can read it"

    def _deleted(self) -> bool:
        """Whether the mission is deleted by now, or its deletion, whose entry is the last one of its writer, has begun."""
        document = self._documents.get(mission_ref(self._mission_id))
        if document is None:
            return True
        tail = MissionRecord.read(document).chain(API).tail
        return tail is not None and bool(tail.entries) and json.loads(tail.entries[-1])["kind"] == DELETED


def _shown_otherwise(event: AuditEvent, mission: MissionRecord, report: ReportVersion) -> Iterator[str]:
    """What the mission's document says otherwise of a report than the event that published it."""
    told = event.detail.get(FILES)
    if isinstance(told, Mapping) and any(mission.published.get(uri) != told.get(uri) for uri in _addresses(report)):
        yield f"the mission's document has other digests of version {report.version} of the report"
    if report is mission.reports[-1]:
        if list(mission.flags) != (event.detail.get("flags") or []):
            yield f"the mission's document has other flags than version {report.version} of the report"
        if _FUSION_STATUS[report.kind] is not mission.fusion_status:
            yield f"the mission's document says that the report is {mission.fusion_status}; version {report.version} is {report.kind}"


def _addresses(report: ReportVersion) -> tuple[str, str, str]:
    return report.outcome_uri, report.markdown_uri, report.html_uri


def _files(outcome_uri: str) -> tuple[str, str, str]:
    """The addresses of a report's three formats: they lie together."""
    folder = outcome_uri.rpartition("/")[0]
    return outcome_uri, f"{folder}/report.md", f"{folder}/report.html"


def _inputs(mission: MissionRecord) -> Iterator[Named]:
    """The inputs of a mission by the digests in its request, for which the request's own digest vouches."""
    yield from (Named(item.uri, item.sha256, f"the input {item.name!r}") for item in mission.request.inputs if item.sha256 is not None)


def _key(artifact: Named) -> str:
    return artifact.called or artifact.uri.removeprefix(SCHEME)
