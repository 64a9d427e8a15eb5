"""A worker process: ``python -m infra.local.pool FD``.

It dies with its platform, from its first moment: where the other end of its socket is gone it ends at once, as by ``kill -9``, and leaves
everything to whoever starts on the data folder next. What it runs takes seconds to load on a busy machine, so it watches before that.
It dies with any of its threads, too.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


def _end_with_the_platform(fd: int) -> None:
    """Wait until the other end is gone. This reads nothing."""
    gone = select.poll()
    gone.register(fd, select.POLLRDHUP)
    gone.poll()
    os._exit(1)


def _end_with_any_thread() -> None:
    """From now on this process ends where one of its threads dies: somebody would wait for it for ever, and the platform has another
    process go on.

    Where there is no memory for a thread's first frame, ``Thread.start`` waits without an end for what has died already, and only
    the interpreter knows. Nothing in Python can run on that thread, so it hands what it knows to a queue written in C.
    """
    threading.excepthook = _end_with
    unraisable: SimpleQueue[UnraisableHookArgs] = SimpleQueue()
    threading.Thread(target=_end_without_memory, args=(unraisable,), name="kimera-threads", daemon=True).start()
    sys.unraisablehook = unraisable.put


def _end_with(died: threading.ExceptHookArgs) -> None:
    try:
        threading.__excepthook__(died)
    finally:
        os._exit(1)


def _end_without_memory(unraisable: SimpleQueue[UnraisableHookArgs]) -> None:
    """Show what nobody could be told. Want of memory ends this process: it may have been a thread's start."""
    while True:
        what = unraisable.get()
        try:
            sys.__unraisablehook__(what)
        finally:
            if issubclass(what.exc_type, MemoryError):
                os._exit(1)
        del what


def _run(fd: int) -> None:
    threading.Thread(target=_end_with_the_platform, args=(fd,), name="kimera-platform", daemon=True).start()
    _end_with_any_thread()
    from infra.local.pool.worker import main

    main(fd)


if __name__ == "__main__":
    try:
        _run(int(sys.argv[1]))
    except Exception:  # noqa: BLE001 - the outermost place: calls that are under way would keep a process alive that hears nothing
        try:
            traceback.print_exc()
        finally:
            os._exit(1)
