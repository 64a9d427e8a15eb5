"""A worker process: ``python -m infra.local.pool FD``.

It dies with its platform, from its first moment: where the other end of its socket is gone it ends at once, as by ``kill -9``, and leaves
everything to whoever starts on the data folder next. What it runs takes seconds to load on a busy machine, so it watches before that.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import traceback


def _end_with_the_platform(fd: int) -> None:
    """Wait until the other end is gone. This reads nothing."""
    gone = select.poll()
    gone.register(fd, select.POLLRDHUP)
    gone.poll()
    os._exit(1)


def _run(fd: int) -> None:
    threading.Thread(target=_end_with_the_platform, args=(fd,), name="kimera-platform", daemon=True).start()
    from infra.local.pool.worker import main

    main(fd)


if __name__ == "__main__":
    try:
        _run(int(sys.argv[1]))
    except Exception:  # noqa: BLE001 - the outermost place: calls that are under way would keep a process alive that hears nothing
        traceback.print_exc()
        os._exit(1)
