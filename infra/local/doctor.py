"""What is installed, configured, reachable and healthy on this machine, and what to do about the rest. It changes nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from infra.local.access import holder_of
from infra.local.api import MissionsApi
from infra.local.doctor_cloud import examine_knowledge, examine_stores
from infra.local.finding import Finding, Verdict
from shared.adapters.task_groups import UNBOUNDED, UNBOUNDED_REMEDY, find_task_groups, is_root
from shared.errors import KimeraError
from shared.missions.repository import OPEN
from shared.models.credentials import ModelEndpoints
from shared.models.selection import asked_at_once, select, usual_model
from shared.runtime import Runtime
from shared.sandbox import SandboxJob
from shared.settings import Settings, setting_files
from shared.variables import unknown_variables

OURS = (
    "pydantic",
    "pydantic-settings",
    "functions-framework",
    "flask",
    "httpx",
    "PyYAML",
    "python-ulid",
    "opentelemetry-sdk",
    "rapidfuzz",
    "snowballstemmer",
    "pint",
    "jinja2",
    "typer",
    "rich",
    "waitress",
)
THEIRS = (
    "pandas",
    "numpy",
    "scipy",
    "statsmodels",
    "scikit-learn",
    "matplotlib",
    "duckdb",
    "pyarrow",
    "openpyxl",
    "pypdf",
    "pdfplumber",
    "python-docx",
    "beautifulsoup4",
    "trafilatura",
)
_SCRIPT = """
from importlib.metadata import PackageNotFoundError, version

found = {}
for name in parameters["packages"]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        found[name] = None
emit(found)
"""
EMULATED = "emulated cloud"
_LITTLE_ROOM = 1_000_000_000
_NO_ROOM = 50_000_000


def examine(settings: Settings, token: str | None) -> Iterator[Finding]:
    """Everything, as it is found out."""
    yield from _installed()
    yield from _variables()
    yield from _sandbox(settings)
    yield from emulated_cloud()
    runtime = Runtime(settings)
    try:
        if settings.profile == "cloud":
            yield from examine_stores(runtime)
        else:
            yield from _data_folder(runtime)
    finally:
        runtime.close()
    if settings.neo4j_uri:
        yield from examine_knowledge(settings)
    yield from _platform(settings, token)
    yield from _models(settings)
    yield from _research(settings)


def _installed() -> Iterator[Finding]:
    yield Finding("installed", "Python", "ok", sys.version.split()[0])  # an older one could not have come this far
    absent = [name for name in OURS if _version(name) is None]
    if absent:
        yield Finding("installed", "packages", "missing", ", ".join(absent), "Run `make setup`.")
    else:
        yield Finding("installed", "packages", "ok", f"{len(OURS)} of {len(OURS)}")


def _variables() -> Iterator[Finding]:
    """A budget's cap that was misspelled holds nowhere."""
    for unknown in unknown_variables(os.environ):
        remedy = f"Did you mean {unknown.near}?" if unknown.near else "docs/operating.md lists the settings."
        yield Finding("configured", unknown.name, "note", "nothing reads this variable", remedy)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _sandbox(settings: Settings) -> Iterator[Finding]:
    """The sandbox is proven by running something in it, not by looking for files; on a data folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="kimera-doctor-") as folder:
        runtime = Runtime(settings.model_copy(update={"home": Path(folder)}))
        try:
            runtime.sandbox.check()
            yield Finding("installed", "sandbox", "ok", "bubblewrap isolates generated code")
            job = SandboxJob(_SCRIPT, parameters={"packages": list(THEIRS)})
            result = runtime.sandbox.run(job, outputs_to=Path(folder) / "outputs")
        except KimeraError as error:
            yield Finding("installed", "sandbox", "missing", error.message, error.remedy)
            return
        finally:
            runtime.close()
    if settings.sandbox_url is None and is_root() and find_task_groups() is None:
        yield Finding("installed", "sandbox processes", "note", UNBOUNDED, UNBOUNDED_REMEDY)
    found = result.result if isinstance(result.result, dict) else {}
    absent = [name for name in THEIRS if not found.get(name)]
    if result.status != "ok":
        yield Finding("installed", "sandbox packages", "missing", f"the sandbox ended with {result.status}", "Run `make setup`.")
    elif absent:
        yield Finding("installed", "sandbox packages", "missing", ", ".join(absent), "Run `make setup`.")
    else:
        yield Finding("installed", "sandbox packages", "ok", ", ".join(f"{name} {found[name]}" for name in THEIRS[:3]) + " and the others")


def emulated_cloud() -> Iterator[Finding]:
    """The servers of the emulated cloud: what is missing of them, and how to get it. Missions on the embedded profile need none."""
    from infra.local.emulated.cloud import Servers
    from infra.local.emulated.component import Missing

    with tempfile.TemporaryDirectory(prefix="kimera-doctor-") as folder:
        for server in Servers.on(Path(folder)).all():
            try:
                server.require()
                yield Finding(EMULATED, server.name, "ok", "is there")
            except Missing as error:
                yield Finding(
                    EMULATED, server.name, "note", f"{error.message} Only `kimera serve --profile emulated` needs it.", error.remedy
                )


def _data_folder(runtime: Runtime) -> Iterator[Finding]:
    home = runtime.home
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if not nearest.is_dir():
        yield Finding("data", "folder", "missing", f"{nearest} is a file, not a folder", "Choose another with KIMERA_HOME.")
        return
    if not os.access(nearest, os.W_OK):
        yield Finding(
            "data", "folder", "missing", f"{home} cannot be written", "Change its permissions, or choose another with KIMERA_HOME."
        )
        return
    yield Finding("data", "folder", "ok", f"{home}" + ("" if home.exists() else " (made by the first mission)"))
    free = shutil.disk_usage(nearest).free
    room: Verdict = "missing" if free < _NO_ROOM else "note" if free < _LITTLE_ROOM else "ok"
    yield Finding("data", "free disk", room, f"{free / 1e9:.1f} GB", "" if room == "ok" else "Make room, or choose another KIMERA_HOME.")
    for name in ("kimera.sqlite3", "knowledge.sqlite3"):
        path = home / name
        if path.exists():
            yield _integrity(path)
    if (home / "kimera.sqlite3").exists():
        yield from _open_missions(runtime)
        yield from _circuits(runtime)


def _integrity(path: Path) -> Finding:
    remedy = f"Keep a copy of {path.name}, then restore a backup or begin with an empty KIMERA_HOME."
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            problems = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)") if row[0] != "ok"]
        finally:
            connection.close()
    except sqlite3.Error as error:
        return Finding("data", path.name, "missing", f"cannot be read: {error}", remedy)
    if problems:
        return Finding("data", path.name, "missing", "; ".join(problems)[:300], remedy)
    return Finding("data", path.name, "ok", f"intact, {path.stat().st_size / 1e6:.1f} MB")


def _open_missions(runtime: Runtime) -> Iterator[Finding]:
    try:
        page = runtime.missions.page(statuses=OPEN, limit=100)
    except KimeraError as error:
        yield Finding("data", "missions", "missing", error.message, error.remedy_here)
        return
    waiting = page.missions
    for mission_id, damaged in page.damaged.items():
        yield Finding("data", mission_id, "note", damaged.message, damaged.remedy_here)
    if waiting and holder_of(runtime.settings) is None:
        yield Finding(
            "data",
            "missions",
            "note",
            f"{len(waiting)} open, and nothing runs them",
            f"`kimera run --resume {waiting[0].mission_id}`, or `kimera serve` for all.",
        )
    else:
        yield Finding("data", "missions", "ok", f"{len(waiting)} open")


def _circuits(runtime: Runtime) -> Iterator[Finding]:
    """Providers that failed so often that missions go on without them."""
    from shared.models.breaker import published

    for circuit in published(runtime.documents):
        if circuit.state != "closed":
            when = f"{circuit.changed_at:%Y-%m-%d %H:%M} UTC"
            remedy = "Missions go on without a model until the provider answers again."
            yield Finding("reachable", circuit.provider, "note", f"its circuit was {circuit.state} at {when} ({circuit.instance})", remedy)


def _platform(settings: Settings, token: str | None) -> Iterator[Finding]:
    holder = holder_of(settings)
    if holder is None:
        yield Finding("reachable", "platform", "ok", "none runs on the data folder; `kimera run` brings its own, `kimera serve` starts one")
    elif not holder.url:
        yield Finding("reachable", "platform", "note", f"`{holder.command}` (process {holder.pid}) is at work on the data folder")
    else:
        api = MissionsApi.over_http(holder.url, token)
        try:
            health = api.health()
            yield Finding("reachable", "platform", "ok", f"{holder.url} answers (version {health.version}, process {holder.pid})")
        except KimeraError as error:
            yield Finding("reachable", "platform", "missing", error.message, f"Stop process {holder.pid} and start `kimera serve` again.")
        finally:
            api.close()


def _models(settings: Settings) -> Iterator[Finding]:
    endpoints = ModelEndpoints()
    try:
        chosen = select(settings, endpoints)
        model = usual_model(chosen.tier, chosen.model, on=datetime.now(UTC).date())
    except KimeraError as error:
        yield Finding("reachable", "model", "missing", error.message, error.remedy)
        return
    if model is None:
        yield Finding("reachable", "model", "ok", "none is used: the tier extractive needs no model and costs $0")
    elif not endpoints.reaches(model.provider):
        yield Finding("reachable", "model", "missing", f"{model.label}: there is no key or endpoint", endpoints.missing(model))
    else:
        detail = f"{chosen.tier}: {model.label}, a key or endpoint is set; `kimera doctor --model {model.label}` asks it"
        yield Finding("reachable", "model", "ok", detail)
        if (own := endpoints.address(model.provider)) and settings.profile == "embedded":
            yield Finding("reachable", "endpoint", "ok", f"{own}: {asked_at_once(settings)}")


def _research(settings: Settings) -> Iterator[Finding]:
    """What research may ask beyond the models: the keys that are there, and whether those that the settings need are among them."""
    from schemas.mission import ResearchOptions

    endpoints = ModelEndpoints()
    there = [name for name, key in (("GEMINI_API_KEY", endpoints.google_api_key), ("BRAVE_API_KEY", endpoints.brave_api_key)) if key]
    missing = endpoints.missing_remote(ResearchOptions(provider=settings.research, web=settings.web_search))
    if missing is not None:
        yield Finding("reachable", "research", "missing", f"{missing[0]}: there is no key", missing[1])
    elif settings.research == "builtin" and settings.web_search == "none":
        can = f"; keys for more are there: {', '.join(there)}" if there else ""
        yield Finding("reachable", "research", "ok", f"own loop, no web: nothing is read from the network{can}")
    else:
        yield Finding("reachable", "research", "ok", f"{settings.research}, web search: {settings.web_search}; its key is set")


def probe_model(settings: Settings, name: str, price: str | None) -> Iterator[Finding]:
    """What the model called ``name`` can do, asked for real, for at most two cents. Raises ``BadInput`` and ``BudgetRefused``."""
    from infra.local.model_probe import probe
    from shared.models.provider import ProviderLink

    endpoints = ModelEndpoints()
    chosen = select(settings, endpoints, model=name, price=price)
    model = usual_model(chosen.tier, chosen.model, on=datetime.now(UTC).date())
    assert model is not None
    link = ProviderLink(endpoints, own_timeout_s=settings.answer_timeout_s)
    spent = 0
    try:
        for found in probe(link, model):
            spent += found.cost_micro_usd
            yield Finding("model", found.name, "ok" if found.ok else "missing", found.detail, found.remedy)
    finally:
        link.close()
    yield Finding("model", "cost", "ok", f"${spent / 1_000_000:.6f} for {model.label}")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting, its value as it may be shown, and where it came from."""

    name: str
    value: str
    origin: str


def settings_with_origin(settings: Settings, environment: Callable[[str], str | None] = os.environ.get) -> Iterator[Setting]:
    """Each setting. Tokens are never among them: of owners only the names are shown."""
    import tomllib

    files: list[tuple[str, dict[str, object]]] = [(".env", _dotenv(Path(".env")))]
    for path in reversed(setting_files()):
        if path.is_file():
            files.append((str(path), tomllib.loads(path.read_text(encoding="utf-8"))))
    for name in type(settings).model_fields:
        variable = f"KIMERA_{name.upper()}"
        origin = f"environment ({variable})" if environment(variable) else None
        origin = origin or next((where for where, content in files if name in content), "default")
        value = getattr(settings, name)
        yield Setting(
            name, ", ".join(value) or ("nobody" if name == "owners" else "none") if isinstance(value, dict) else str(value), origin
        )


def _dotenv(path: Path) -> dict[str, object]:
    """The names that ``.env`` sets, as settings are called; values stay where they are."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    names = (line.partition("=")[0].removeprefix("export ").strip().upper() for line in lines if "=" in line)
    return {name.removeprefix("KIMERA_").lower(): None for name in names if name.startswith("KIMERA_")}
