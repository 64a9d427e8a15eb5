"""Artifacts, sources by page and provenance of a report."""

from __future__ import annotations

from functions.fusion.remarks import Remarks
from schemas.fusion import FusionInputPackage
from schemas.mission import Track
from schemas.outcome import Conflict, MergedClaim, OutcomeArtifact, OutcomeSource, Provenance

DATA_FILE = "data_file"
"""The flag of a source that is a data file, not a document."""


def outcome_artifacts(package: FusionInputPackage, remarks: Remarks) -> tuple[OutcomeArtifact, ...]:
    """The analysis's charts, tables and scripts; of two with one name the later one."""
    if package.analysis is None:
        return ()
    questions = {q.id: q.text for q in package.analysis.sub_questions}
    by_name = {
        a.name: OutcomeArtifact(
            name=a.name,
            kind=a.kind,
            sha256=a.sha256,
            media_type=a.media_type,
            caption=remarks.checked(a.caption),
            question=questions.get(a.question_id) if a.question_id else None,
        )
        for a in package.analysis.artifacts
    }
    return tuple(by_name.values())


def outcome_sources(
    package: FusionInputPackage, statements: tuple[MergedClaim, ...], conflicts: tuple[Conflict, ...]
) -> tuple[OutcomeSource, ...]:
    """The documents, cited ones first, each with the pages that the report cites; then the data files."""
    shown = {c.id: c for c in (*statements, *(x for k in conflicts for x in (k.first, k.second)))}.values()
    citations = {(c.source_title, c.page, c.quote) for claim in shown for c in claim.citations if c.origin == "document"}
    documents: list[OutcomeSource] = []
    for source in package.research.sources if package.research else ():
        own = [c for c in citations if c[0] == source.title]
        documents.append(
            OutcomeSource(
                title=source.title,
                sha256=source.sha256,
                url=source.uri if source.kind == "web" else None,
                pages=source.pages,
                date=source.date,
                cited_pages=tuple(sorted({page for _, page, _ in own if page is not None})),
                quotes=len(own),
                flags=source.flags,
            )
        )
    documents.sort(key=lambda s: s.quotes == 0)
    files = package.analysis.files if package.analysis else ()
    return (*documents, *(OutcomeSource(title=f.file, sha256=f.sha256, flags=(DATA_FILE,)) for f in files))


def provenance(package: FusionInputPackage, kimera_version: str) -> Provenance:
    """Ids, times and uris: all that may differ between two equal runs."""
    uris = {f"input/{i.name}": i.uri for i in package.request.inputs}
    if package.previous_outcome_uri:
        uris["previous report"] = package.previous_outcome_uri
    lineages = {}
    if package.research:
        lineages[Track.DEEP_RESEARCH.value] = package.research.lineage
        for source in package.research.sources:
            uris[f"source/{source.title}"] = source.uri
    if package.analysis:
        lineages[Track.DS_STAR.value] = package.analysis.lineage
        uris |= {a.name: a.uri for a in package.analysis.artifacts}
    return Provenance(
        mission_id=package.mission_id,
        version=package.version,
        created_at=package.created_at,
        started_at=min((x.started_at for x in lineages.values()), default=None),
        uris=dict(sorted(uris.items())),
        attempts={t: x.attempt for t, x in sorted(lineages.items())},
        kimera_version=kimera_version,
        closed_because={t: x.closed_because for t, x in sorted(lineages.items()) if x.closed_because},
    )
