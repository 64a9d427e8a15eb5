"""What a run left, under the package's own ids (``v1``, ``f1``, ``r1``, ``a1``), which are the same in equal runs."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from functions.ds_star.execute import OperationRun, OutputArtifact
from functions.ds_star.operation_result import RawFinding
from functions.ds_star.roles.verifier import Verdict
from functions.ds_star.standalone import lines_before_operation
from functions.ds_star.state import DsStarState, OpenFinding
from schemas.analysis import AnalysisArtifact, Finding, Run, Value
from shared.tracks import SliceContext

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Collected:
    """The state with the run in it, and the ids that the answer refers to."""

    state: DsStarState
    run_id: str
    finding_ids: tuple[str, ...]


def collect(context: SliceContext, state: DsStarState, question_id: str, run: OperationRun, verdict: Verdict) -> Collected:
    """Store the run's artifacts and add its values and findings to the state. Only a sufficient run states anything."""
    number = len(state.runs) + 1
    run_id = f"r{number}"
    good = verdict.kind == "sufficient"
    script_name = f"{number:02}-{run.spec.operation}.py"
    made = [_store(context, state, 0, script_name, run.standalone.encode(), "script", "text/x-python", _caption(run), question_id, run_id)]
    for kind, found in (("chart", run.charts), ("table", run.tables)) if good else ():
        for item in found:
            made.append(_file(context, state, len(made), number, kind, item, question_id, run_id))
    before = lines_before_operation(run.standalone)
    ids = {v.name: f"v{len(state.values) + i}" for i, v in enumerate(run.values, start=1)} if good else {}
    values = tuple(
        Value(
            id=ids[v.name],
            name=v.name,
            value=v.value,
            unit=v.unit,
            n=v.n,
            filters=v.filters,
            digits=(run.formats or {}).get(v.name),
            run=run_id,
            line=v.line + before if v.line else 0,
        )
        for v in (run.values if good else ())
    )
    shas = tuple(d.sha256 for d in state.descriptions if d.file in _files(run))
    findings = tuple(
        _finding(f"f{len(state.findings) + i}", question_id, run_id, raw, ids, shas)
        for i, raw in enumerate(run.findings if good else (), start=1)
    )
    ended = Run(
        id=run_id,
        script=script_name,
        script_sha256=_digest(run.script),
        parameters_sha256=_digest(json.dumps(run.parameters, sort_keys=True, ensure_ascii=False)),
        status=run.sandbox.status if run.sandbox is not None else "error",
        warnings=tuple(dict.fromkeys(verdict.warnings)),
    )
    following = state.model_copy(
        update={
            "values": (*state.values, *values),
            "findings": (*state.findings, *findings),
            "artifacts": (*state.artifacts, *made),
            "runs": (*state.runs, ended),
            "limitations": tuple(dict.fromkeys((*state.limitations, *(run.limitations if good else ())))),
        }
    )
    return Collected(following, run_id, tuple(f.finding.id for f in findings))


def _finding(finding_id: str, question_id: str, run_id: str, raw: RawFinding, ids: dict[str, str], shas: tuple[str, ...]) -> OpenFinding:
    """A raw finding with value ids in its slots."""
    texts = (raw.statement, raw.weak.statement if raw.weak else "")
    used = dict.fromkeys(ids[name] for name in (*raw.values, *_SLOT.findall(" ".join(texts))) if name in ids)
    finding = Finding(
        id=finding_id,
        question_id=question_id,
        statement=_with_ids(raw.statement, ids),
        assertion=raw.assertion,
        value_ids=tuple(used),
        test=raw.test,
        n_used=raw.n_used,
        n_dropped=raw.n_dropped,
        inputs=shas,
        columns=raw.columns,
        run=run_id,
    )
    if raw.weak is None:
        return OpenFinding(finding=finding)
    return OpenFinding(finding=finding, weak_statement=_with_ids(raw.weak.statement, ids), weak_assertion=raw.weak.assertion)


def _with_ids(statement: str, ids: dict[str, str]) -> str:
    """``{mean_bern}`` becomes ``{v3}``; a slot that names no value stays as it is, and was refused before."""
    return _SLOT.sub(lambda m: "{" + ids.get(m.group(1), m.group(1)) + "}", statement)


def _file(
    context: SliceContext, state: DsStarState, made: int, number: int, kind: str, item: OutputArtifact, question_id: str, run_id: str
) -> AnalysisArtifact:
    name = f"{number:02}-{item.file.name.replace('/', '-')}"
    data = item.file.path.read_bytes()
    return _store(context, state, made, name, data, kind, item.file.media_type, item.caption, question_id, run_id)


def _store(
    context: SliceContext,
    state: DsStarState,
    made: int,
    name: str,
    data: bytes,
    kind: str,
    media_type: str,
    caption: str,
    question_id: str,
    run_id: str,
) -> AnalysisArtifact:
    """An artifact of the track, stored under its content's digest."""
    stored = context.put_artifact(name, data, media_type=media_type)
    about = {"id": f"a{len(state.artifacts) + made + 1}", "name": name, "kind": kind, "uri": stored.uri, "sha256": stored.sha256}
    return AnalysisArtifact.model_validate(
        {**about, "media_type": media_type, "caption": caption, "question_id": question_id, "run": run_id}
    )


def _caption(run: OperationRun) -> str:
    return (
        f"The script that calculated the {run.spec.operation.replace('_', ' ')} of {run.spec.measure or 'rows'}, to be run again anywhere"
    )


def _files(run: OperationRun) -> set[str]:
    return {run.spec.source.file, *([run.spec.join.right.file] if run.spec.join else [])}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
