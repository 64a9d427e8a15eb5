"""How a command reaches missions: a platform at an address, the one on the data folder, or the folder itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.api import MissionsApi
from infra.local.lock import DataFolderLock, Holder
from infra.local.upgrade import upgrade_alone
from shared.artifacts import ArtifactStore
from shared.errors import BadInput, NotFound, Unavailable
from shared.runtime import Runtime
from shared.settings import Settings


class NoMissionsYet(NotFound):
    """Nothing ever ran on this data folder."""


def holder_of(settings: Settings) -> Holder | None:
    """Who runs missions on the data folder now."""
    return DataFolderLock(settings.home.expanduser().absolute()).holder()


def serving(settings: Settings) -> Holder | None:
    """The platform that answers on the data folder, if one does."""
    holder = holder_of(settings)
    return holder if holder is not None and holder.url and holder.lives else None


@contextmanager
def running_platform(settings: Settings, *, endpoint: str | None, token: str | None) -> Iterator[MissionsApi]:
    """The API of a running platform: the one at ``endpoint``, else the one on the data folder, else ``Unavailable``."""
    holder = serving(settings)
    address = endpoint or (holder.url if holder else None)
    if address is None:
        raise Unavailable(
            f"No platform is running on the data folder {settings.home}.",
            remedy="Start one with `kimera serve`, name one with --endpoint, or use `kimera run`.",
        )
    api = MissionsApi.over_http(address, token)
    try:
        yield api
    finally:
        api.close()


@contextmanager
def any_access(settings: Settings, *, endpoint: str | None, token: str | None) -> Iterator[MissionsApi]:
    """Like ``running_platform``, and where none runs, the same application on the data folder itself. It starts no mission."""
    if endpoint or serving(settings):
        with running_platform(settings, endpoint=endpoint, token=token) as api:
            yield api
        return
    with stored(settings) as runtime:
        from infra.local.functions import public_app

        api = MissionsApi.in_process(public_app(runtime), token)
        try:
            yield api
        finally:
            api.close()


@contextmanager
def artifacts_at_hand(settings: Settings, endpoint: str | None) -> Iterator[ArtifactStore | None]:
    """The data folder's artifacts; ``None`` for a platform that keeps them elsewhere: charts and scripts are not within reach then."""
    if endpoint is not None or not (settings.home.expanduser() / "artifacts").is_dir():
        yield None
        return
    with stored(settings) as runtime:
        yield runtime.artifacts


@contextmanager
def stored(settings: Settings) -> Iterator[Runtime]:
    """The data folder's stores, or the cloud's, without a workflow or a queue. ``NoMissionsYet`` where there is no such folder.

    ``BadInput`` where there can be none, since something else lies there. A folder that may not be written is read as it is.
    """
    runtime = _runtime(settings)
    if settings.profile == "embedded":
        require_missions(settings)
    try:
        if settings.profile == "embedded":
            upgrade_alone(runtime)
            _ = runtime.documents  # a file that is damaged is named here: an answer of the API does not say where it lies
        yield runtime
    finally:
        runtime.close()


def require_missions(settings: Settings) -> Path:
    """The data folder, in which something ran before; else ``NoMissionsYet``, or ``BadInput`` where there can be none."""
    home = settings.home.expanduser().absolute()
    _require_folder(home)
    if not (home / "kimera.sqlite3").exists():
        raise NoMissionsYet(f"There are no missions in {settings.home}.", remedy="Begin with `kimera run`, or set KIMERA_HOME.")
    return home


def _runtime(settings: Settings) -> Runtime:
    from shared.adapters.sqlite_read_only import may_only_be_read

    if settings.profile == "embedded" and may_only_be_read(settings.home.expanduser().absolute() / "kimera.sqlite3"):
        from shared.read_only_runtime import ReadOnlyRuntime

        return ReadOnlyRuntime(settings)
    return Runtime(settings)


def _require_folder(home: Path) -> None:
    found = next(place for place in (home, *home.parents) if place.exists())
    if not found.is_dir():
        raise BadInput(f"{home} is no data folder: {found} is not a folder.", remedy="Set KIMERA_HOME to a folder.")


@contextmanager
def alone_on(settings: Settings, *, command: str) -> Iterator[Runtime]:
    """The data folder's stores while nobody else uploads, submits or runs missions there; ``DataFolderInUse`` names who does."""
    with stored(settings) as runtime:
        lock = DataFolderLock(runtime.home)
        lock.acquire(Holder(pid=os.getpid(), command=command))
        try:
            yield runtime
        finally:
            lock.release()
