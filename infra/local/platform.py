"""The embedded platform: functions, workflow, queue and scheduler in one process, on one data folder.

``Platform.start`` takes the folder's lock, so nothing else is alive on it: what an earlier process left running is restarted
where it stopped.
"""

from __future__ import annotations

import gc
import logging
import os
import shutil
import threading
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

import httpx

from infra.local.api import error_of
from infra.local.executions import NAME, DirectExecutions, MissionWorkflow
from infra.local.functions import INTERNAL_ROOT, internal_app, public_app
from infra.local.lock import DataFolderLock, Holder
from infra.local.upgrade import upgrade
from infra.local.worker import QueueWorker, Scheduler
from infra.local.workflows.transport import HttpResponse
from infra.local.wsgi_transport import WsgiTransport
from schemas.lifecycle import ReconcileRequest, ReconcileResult
from shared.adapters.document_queue import DocumentQueue
from shared.clock import Clock, SystemClock
from shared.documents import JsonMap
from shared.errors import Corrupt, KimeraError, NotFound, StorageFull
from shared.ids import Ids
from shared.missions.records import mission_ref
from shared.runtime import Runtime
from shared.settings import Settings
from shared.times import WORKFLOW_HTTP_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from wsgiref.types import WSGIApplication

    from infra.local.pool.pool import Lost, WorkerPool

_SPARE_THREADS = 4
_STOP_S = 60.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class OneMission:
    """What a platform is limited to that came up for one mission: the others wait for a platform of their own.

    ``mission_id`` is ``None`` until the mission is submitted. Unless it came up for a ``late`` mission, it stays until the mission has its
    result, and late work behind that waits, too: it would be left, and what it buys with it, a moment after it began.
    """

    mission_id: str | None = None
    late: bool = False


class Platform:
    """Everything of KIMERA on one machine. A context manager: entering starts it, leaving stops it.

    Without ``only`` it looks after every mission on its data folder. ``functions`` gives the internal functions that the workflow
    calls; ``ended`` hears the mission of each execution that has ended here.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        command: str,
        url: str = "",
        clock: Clock | None = None,
        only: OneMission | None = None,
        functions: Callable[[Runtime], WSGIApplication] = internal_app,
        ended: Callable[[str], None] = lambda _: None,
    ) -> None:
        if only is not None:
            settings = settings.model_copy(update={"workers": 1})  # the one mission has the whole machine
        self._only = only
        self._ended = ended
        self._functions = functions
        self.trouble: StorageFull | None = None
        """Set while calls fail for want of room on the disk; cleared by the first one that does not."""
        self._holder = Holder(pid=os.getpid(), command=command, url=url)
        self._making = threading.Lock()
        self._workflow: MissionWorkflow | None = None
        self.pool = self._workers(settings) if settings.workers > 1 else None
        """The processes that run its missions, where this one does not."""
        self._preparing: threading.Thread | None = None
        self.runtime = Runtime(
            settings,
            clock=clock,
            executions=self.pool or DirectExecutions(lambda: self.workflow.service, NAME),
            wake=lambda: self._worker.wake(),
        )
        self._lock = DataFolderLock(self.runtime.home)

    @property
    def has_its_folder(self) -> bool:
        """Whether the data folder that was taken still lies where it did."""
        return self._lock.in_place

    def start(self) -> Self:
        """Take the data folder, and go on with what an earlier process left."""
        self._lock.acquire(self._holder)
        try:
            shutil.rmtree(self.runtime.home / "scratch", ignore_errors=True)
            upgrade(self.runtime)
            _ = self.runtime.documents  # a file that is damaged is named here: no answer of a function says where it lies
            if self._only is None:
                self.reconcile(ReconcileRequest(none_alive=True))
            elif self._only.mission_id is not None:
                self.reconcile(ReconcileRequest(none_alive=True, mission_id=self._only.mission_id, anew=True))
            if self.pool is not None:
                self.pool.open(kept_open=[self._lock.fd])
            self._worker.start()
            self._scheduler.start()
        except BaseException:  # also when interrupted, nothing that was started goes on
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop taking work, leave every mission where it is, close the stores."""
        made = self.__dict__
        if "_scheduler" in made:
            self._scheduler.stop()
        if "_worker" in made:
            self._worker.stop()
        if self.pool is not None:
            self.pool.close()
        if self._preparing is not None:
            self._preparing.join(_STOP_S)
        with self._making:
            if self._workflow is not None:
                self._workflow.close()
        if "client" in made:
            self.client.close()
        self.runtime.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @cached_property
    def _app(self) -> WSGIApplication:
        return self._functions(self.runtime)

    @cached_property
    def _calls(self) -> WsgiTransport:
        """Calls this process's functions, without an HTTP client around it: for the workflow, the queue and the scheduler."""
        return WsgiTransport(self._app, self._heard)

    @cached_property
    def client(self) -> httpx.Client:
        """Calls this process's functions, internal ones too, by ``INTERNAL_ROOT`` + route."""
        transport = httpx.WSGITransport(app=self._app)
        return httpx.Client(transport=transport, timeout=WORKFLOW_HTTP_TIMEOUT_S, event_hooks={"response": [self._notice]})

    @cached_property
    def public(self) -> WSGIApplication:
        """What users reach over HTTP."""
        return public_app(self.runtime)

    @property
    def workflow(self) -> MissionWorkflow:
        """The mission workflow, deployed in this process."""
        with self._making:
            if self._workflow is None:
                threads = 2 * self.runtime.settings.max_running + _SPARE_THREADS
                self._workflow = MissionWorkflow(
                    self._calls,
                    self.runtime.ids,
                    self.runtime.tracing,
                    threads=threads,
                    ended=lambda mission_id, *_: self._ended(mission_id),
                )
            return self._workflow

    def prepare(self) -> None:
        """Load in the background what the first mission would else wait for, for a platform that stays."""
        self._preparing = threading.Thread(target=self._load, name="kimera-prepare", daemon=True)
        self._preparing.start()

    def _load(self) -> None:
        _ = self._app, self.public
        if self.pool is None:
            _ = self.workflow
        # What is loaded stays. A full collection that walks through all of it holds every thread up for some hundred milliseconds.
        gc.freeze()

    def _heard(self, answer: HttpResponse) -> None:
        """As ``_notice``, for a call without a client."""
        if answer.status < httpx.codes.BAD_REQUEST:
            self.trouble = None
        else:
            self._notice(httpx.Response(answer.status, content=answer.body, request=httpx.Request("POST", INTERNAL_ROOT)))

    def _notice(self, answer: httpx.Response) -> None:
        """Remember what the workflow only retries: a full disk is for a person to mend."""
        if answer.is_success:
            self.trouble = None
            return
        answer.read()
        error = error_of(answer)
        if isinstance(error, StorageFull):
            self.trouble = error

    def _workers(self, settings: Settings) -> WorkerPool:
        """Processes for the missions of a platform that has them run elsewhere than in its own."""
        from infra.local.pool.pool import WorkerPool

        clock = SystemClock()
        return WorkerPool(
            settings,
            clock,
            Ids(clock, os.urandom),
            functions=self._functions,
            wake=lambda: self._worker.wake(),
            ended=lambda argument: self._ended(str(argument.get("mission_id"))),
            lost=self._revive,
        )

    def _revive(self, lost: Sequence[Lost]) -> None:
        """Restart the missions whose executions died with their process."""
        for execution in lost:
            mission_id = str(execution.argument["mission_id"])
            try:
                if self.runtime.missions.get(mission_id).epoch == execution.argument["epoch"]:
                    self.reconcile(ReconcileRequest(none_alive=True, mission_id=mission_id))
            except NotFound:
                continue  # it was deleted meanwhile
            except KimeraError as error:
                _log.error("Mission %s is left to the next round of the reconciler: %s", mission_id, error)

    def attend_to(self, mission_id: str) -> None:
        """Begin to run the one mission that this platform came up for."""
        assert self._only is not None
        self._only.mission_id = mission_id
        self._worker.wake()

    def reconcile(self, request: ReconcileRequest) -> ReconcileResult:
        """Look after open missions now, as the scheduler does every minute."""
        answer = self.client.post(f"{INTERNAL_ROOT}/lifecycle/reconcile", json=request.model_dump())
        if not answer.is_success:
            raise error_of(answer)
        return ReconcileResult.model_validate_json(answer.content)

    @cached_property
    def _worker(self) -> QueueWorker:
        def queue() -> DocumentQueue:
            found = self.runtime.queue
            assert isinstance(found, DocumentQueue)
            return found

        only = self._only
        return QueueWorker(queue, self._calls, self.runtime.clock, wanted=(lambda payload: self._is_for(payload, only)) if only else None)

    def _is_for(self, payload: JsonMap, only: OneMission) -> bool:
        """Whether a task is of what this platform came up for, or of a mission that is deleted: nobody else need be there for it."""
        mission_id = payload.get("mission_id")
        if only.mission_id is None or mission_id != only.mission_id:
            return isinstance(mission_id, str) and self.runtime.documents.get(mission_ref(mission_id)) is None
        try:
            return only.late or not self.runtime.missions.get(only.mission_id).late
        except (NotFound, Corrupt):
            return True  # its handler knows what to do about a mission that was deleted, or is damaged

    @cached_property
    def _scheduler(self) -> Scheduler:
        return Scheduler(self._calls, self.runtime.clock, about=lambda: {"mission_id": self._only.mission_id} if self._only else {})
