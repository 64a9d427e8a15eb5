"""What ``kimera doctor`` finds of a project's own: documents and indexes, buckets, secrets, the workflow, traces, the knowledge graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from infra.local.finding import Finding
from shared.artifacts import ArtifactStore
from shared.counted import counted
from shared.errors import KimeraError
from shared.missions.repository import OPEN
from shared.runtime import Runtime
from shared.settings import Settings


def examine_stores(runtime: Runtime) -> Iterator[Finding]:
    """What missions cannot do without on the cloud profile: each is asked once, and nothing is written."""
    settings = runtime.settings
    yield _tried("documents", lambda: f"{counted(_open_missions(runtime), 'open mission')}, by a declared index")
    yield from _buckets(runtime)
    for name, resource in sorted(settings.secrets.items()):
        yield _tried(f"secret {name}", partial(_secret, runtime, name, resource))
    yield _tried("workflow", lambda: _workflow(runtime))
    yield _tried("traces", lambda: _traces(runtime))


def _open_missions(runtime: Runtime) -> int:
    page = runtime.missions.page(statuses=OPEN, limit=100)
    return len(page.missions) + len(page.damaged)


def _secret(runtime: Runtime, name: str, resource: str) -> str:
    runtime.secrets.get(name)
    return f"{resource} can be read"


def _workflow(runtime: Runtime) -> str:
    runtime.executions.state("none")  # whether it is known says nothing: whether it may be asked for does
    return f"the executions of {runtime.settings.workflow} may be read"


def _traces(runtime: Runtime) -> str:
    assert runtime.tracing.provider is not None  # it is made with what it needs of the machine; nothing is sent
    return f"spans go to {runtime.settings.otlp_endpoint or runtime.settings.traces or 'Cloud Trace'}"


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding("reachable", name, "ok", look())
    except KimeraError as error:
        return Finding("reachable", name, "missing", error.message, error.remedy)


def _buckets(runtime: Runtime) -> Iterator[Finding]:
    """Whether each is there, may be looked at, and is where the functions run."""
    stores: tuple[tuple[str, str | None, Callable[[], ArtifactStore]], ...] = (
        ("artifacts", runtime.settings.artifacts_bucket, lambda: runtime.artifacts),
        ("anchors", runtime.settings.anchors_bucket, lambda: runtime.anchors),
    )
    for name, bucket, store in stores:
        yield _tried(f"{name} bucket", partial(_bucket, store, str(bucket)))


def _bucket(store: Callable[[], ArtifactStore], bucket: str) -> str:
    store().check()
    return bucket


def examine_knowledge(settings: Settings) -> Iterator[Finding]:
    """The configured Neo4j: its version, whether it takes writes, whether its indexes can be used."""
    from shared.adapters.neo4j_health import examine

    runtime = Runtime(settings)
    try:
        health = examine(runtime.neo4j)
        place = runtime.neo4j.place
    except KimeraError as error:
        yield Finding("reachable", "knowledge", "missing", error.message, error.remedy)
        return
    finally:
        runtime.close()
    read_only = health.access == "read-only"
    remedy = "It can be searched, and missions cannot keep what they read: make the database writable." if read_only else ""
    detail = f"{place} answers: {health.version} {health.edition}, {health.access}"
    yield Finding("reachable", "knowledge", "missing" if read_only else "ok", detail, remedy)
    if not health.not_online:
        yield Finding("reachable", "knowledge indexes", "ok", f"all {len(health.indexes)} are online")
    elif all(state == "MISSING" for state in health.indexes.values()):
        yield Finding("reachable", "knowledge indexes", "note", "none yet; the first mission makes them")
    else:
        states = ", ".join(f"{name} {state}" for name, state in health.not_online.items())
        yield Finding("reachable", "knowledge indexes", "missing", states, "Wait while they are built; drop one that failed.")
