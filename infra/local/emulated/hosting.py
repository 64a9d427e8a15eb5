"""``kimera serve --profile emulated``: the emulated cloud on a data folder, until it is asked to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

from infra.local.emulated.cloud import EmulatedCloud
from infra.local.lock import DataFolderLock, Holder
from shared.settings import Settings


def serve_emulated(settings: Settings, port: int, *, starting: Callable[[str], None], started: Callable[[str, str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then stop all processes and leave every mission where it is.

    ``started`` hears where the platform and its Cloud Storage are. Raises ``DataFolderInUse``, ``Missing`` and ``Unavailable``.
    """
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    cloud = EmulatedCloud(settings, port=port, starting=starting)
    lock = DataFolderLock(settings.home.expanduser().absolute())
    lock.acquire(Holder(pid=os.getpid(), command="kimera serve --profile emulated", url=cloud.url))
    try:
        with cloud:
            started(cloud.url, cloud.servers.storage.url)
            stopped.wait()
    finally:
        lock.release()
