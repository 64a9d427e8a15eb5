"""Runs many workflows, one step at a time.

A task is a generator that yields effects. Sleeping tasks wait in a heap; calls to the outside run on a bounded pool of threads and report
back through the inbox; everything else is done by whoever drives: one thread at a time, so no workflow state needs a lock.

The scheduler's own thread drives when a moment has come or somebody from outside posts. A thread of the pool that comes back with an
answer drives too, and makes the next call itself: a workflow that does one call after the other stays on one thread.
"""

from __future__ import annotations

import heapq
import logging
import random
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from infra.local.workflows.clock import Clock
from infra.local.workflows.effects import Answer, Coroutine, Effect, Fork, ForkErrors, Outside, Pause, Sleep, Wait
from infra.local.workflows.errors import FatalError, WorkflowError, failure, limit_reached
from infra.local.workflows.values import Value

_LOG = logging.getLogger(__name__)
_STOP_S = 30.0
"""How long a step that is under way may hold up the end."""
_MOST_TURNS = 32
"""Turns of workflows that a call may wait for on the thread that makes it next."""


class Cancelled(Exception):
    """Given to ``done`` as the error of an execution that was cancelled."""


# How a root task ended: its value, or its error.
Done = Callable[["Value", "Exception | None"], None]


class Group:
    """The tasks of one execution.

    ``slots`` bounds how many branches run at once; branches that wait for their own branches do not count.
    """

    def __init__(self, slots: int, deadline: float, done: Done) -> None:
        self.slots = slots
        self.deadline = deadline
        self.done = done
        self.busy = 0
        self.waiting: list[Join] = []
        self.tasks: set[Task] = set()
        self.over = False


class Task:
    """One generator being run. ``turn`` changes whenever it is resumed, so that late answers to what it no longer waits for are dropped."""

    __slots__ = ("coroutine", "group", "join", "position", "turn")

    def __init__(self, coroutine: Coroutine, group: Group, join: Join | None = None, position: int = 0) -> None:
        self.coroutine = coroutine
        self.group = group
        self.join = join
        self.position = position
        self.turn = 0


class Join:
    """A parallel step under way."""

    __slots__ = ("errors", "fork", "next", "open", "parent", "running")

    def __init__(self, parent: Task, fork: Fork) -> None:
        self.parent = parent
        self.fork = fork
        self.next = 0
        self.running = 0
        self.open = fork.count
        self.errors: ForkErrors = []

    def may_start(self) -> bool:
        return self.next < self.fork.count and (self.fork.limit is None or self.running < self.fork.limit)


class _Call:
    """A call to the outside that a task waits for."""

    __slots__ = ("began", "effect", "given_up", "task", "turn")

    def __init__(self, task: Task, effect: Outside, began: float) -> None:
        self.task = task
        self.effect = effect
        self.turn = task.turn
        self.began = began
        self.given_up = False
        """Whether its task was told that there is no thread for it."""


class Scheduler:
    """Runs coroutines until ``close``. ``order`` picks the next runnable task at random instead of in turn: for tests of interleavings."""

    def __init__(self, clock: Clock, threads: int, order: random.Random | None = None) -> None:
        self.clock = clock
        self._order = order
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="workflows-http")
        self._inbox: deque[Callable[[], None]] = deque()
        self._wake = threading.Event()
        self._ready: deque[tuple[Task, object, WorkflowError | None]] = deque()
        self._timers: list[tuple[float, int, Task, int, object, WorkflowError | None]] = []
        self._sequence = 0
        self._outside = 0
        self._groups: set[Group] = set()
        self._closing = False
        self._defect: BaseException | None = None
        """What ended a thread's driving: some step may be lost with it."""
        self._driving = threading.Lock()
        self._keeps = False
        """Whether who drives makes a call afterwards."""
        self._kept: _Call | None = None
        self._idle_until: float | None = None
        """The moment until which the scheduler's thread sleeps if nobody wakes it."""
        self._thread = threading.Thread(target=self._loop, name="workflows", daemon=True)
        self._thread.start()

    # From any thread

    def start(self, coroutine: Coroutine, slots: int, duration_s: float, done: Done) -> Group:
        """Run ``coroutine`` as a new execution; ``done`` is called once, by whoever drives."""
        group = Group(slots, self.clock.now() + duration_s, done)

        def begin() -> None:
            if group.over:
                return
            self._groups.add(group)
            self._add(Task(coroutine, group))

        self.post(begin)
        return group

    def cancel(self, group: Group) -> None:
        """End an execution; ``done`` is told so unless it had ended already."""
        self.post(lambda: self._end(group, None, Cancelled()))

    def post(self, action: Callable[[], None]) -> None:
        """Let ``action`` be run by whoever drives next."""
        self._inbox.append(action)
        self._wake.set()

    def close(self) -> None:
        """Cancel everything and stop. Calls to the outside that are under way are left to end by themselves."""

        def stop() -> None:
            self._closing = True
            for group in list(self._groups):
                self._end(group, None, Cancelled())

        if self._thread.is_alive():
            self.post(stop)
            self._thread.join(_STOP_S)
        self._pool.shutdown(wait=False, cancel_futures=True)

    # By whoever drives

    def _loop(self) -> None:
        while not self._closing:
            self._wake.clear()
            with self._driving:
                try:
                    self._turns()
                except Exception as error:  # noqa: BLE001 - a defect, or no memory: nobody else drives
                    self._break_off(error)
                until, outside = self._timers[0][0] if self._timers else None, self._outside > 0
                self._idle_until = until
            if not self._inbox and not self._closing:
                self.clock.idle(self._wake, until, outside)

    def _turns(self) -> None:
        """Let every task go on that can. Raises what ended the driving of a thread of the pool."""
        if (defect := self._defect) is not None:
            self._defect = None
            raise defect
        while self._turn():
            pass

    def _break_off(self, error: Exception) -> None:
        """End every execution: one of them may have lost a step, and would wait for it."""
        _tell(error)
        for group in list(self._groups):
            self._end(group, None, error)

    def _turn(self) -> bool:
        """Take in what was posted, and let one task go on; false where none can."""
        while self._inbox:
            self._inbox.popleft()()
        self._expire()
        if not self._ready or self._closing:
            return False
        self._run(*self._pick())
        return True

    def _drive(self) -> _Call | None:
        """On a thread of the pool: go on with what has come, if nobody else does. Gives the call that this thread is to make."""
        kept: _Call | None = None
        while self._inbox and self._driving.acquire(blocking=False):
            try:
                self._keeps, self._kept = True, kept
                turns = 1
                while self._turn() and turns < _MOST_TURNS:
                    turns += 1
                kept = self._kept
                if self._needs_its_thread():
                    self._wake.set()
            finally:
                self._keeps, self._kept = False, None
                self._driving.release()
        return kept

    def _needs_its_thread(self) -> bool:
        """Whether the scheduler's own thread has to look: there is more to do, the end has come, or it sleeps past a moment."""
        if self._ready or self._closing:
            return True
        if not self._timers:
            return False
        return self._outside == 0 or self._idle_until is None or self._timers[0][0] < self._idle_until

    def _pick(self) -> tuple[Task, object, WorkflowError | None]:
        if self._order is not None and len(self._ready) > 1:
            self._ready.rotate(-self._order.randrange(len(self._ready)))
        return self._ready.popleft()

    def _expire(self) -> None:
        """Resume whatever waited for a moment that has come."""
        while self._timers and (self._timers[0][3] != self._timers[0][2].turn or self._timers[0][0] <= self.clock.now()):
            _, _, task, turn, value, error = heapq.heappop(self._timers)
            if task.turn == turn:
                self._resume(task, value, error)

    def _resume(self, task: Task, value: object, error: WorkflowError | None) -> None:
        task.turn += 1
        self._ready.append((task, value, error))

    def _timer(self, at: float, task: Task, error: WorkflowError | None = None, value: object = None) -> None:
        self._sequence += 1
        heapq.heappush(self._timers, (at, self._sequence, task, task.turn, value, error))

    def _add(self, task: Task) -> None:
        task.group.tasks.add(task)
        self._ready.append((task, None, None))

    def _run(self, task: Task, value: object, error: WorkflowError | None) -> None:
        if task.group.over:
            return
        try:
            effect = task.coroutine.send(value) if error is None else task.coroutine.throw(error)
        except StopIteration as finished:
            self._finish(task, finished.value, None)
        except Exception as problem:  # noqa: BLE001  # a defect too has to reach whoever waits; the runner tells the two apart
            self._finish(task, None, problem)
        else:
            self._perform(task, effect)

    def _perform(self, task: Task, effect: Effect) -> None:
        if isinstance(effect, Pause):
            self._ready.append((task, None, None))
        elif isinstance(effect, Sleep):
            self._sleep(task, effect)
        elif isinstance(effect, Outside):
            self._call(task, effect)
        elif isinstance(effect, Wait):
            self._wait(task, effect)
        else:
            self._fork(task, effect)

    def _sleep(self, task: Task, effect: Sleep) -> None:
        deadline = task.group.deadline
        if effect.until > deadline:
            self._timer(deadline, task, limit_reached("the execution lasted longer than a year"))
        else:
            self._timer(effect.until, task)

    def _wait(self, task: Task, effect: Wait) -> None:
        turn = task.turn
        self._timer(self.clock.now() + effect.timeout_s, task, failure("TimeoutError", f"{effect.what} timed out"))

        def deliver(value: object) -> None:
            self.post(lambda: self._delivered(task, turn, value))

        effect.arrange(deliver)

    def _delivered(self, task: Task, turn: int, value: object) -> None:
        if task.turn == turn and not task.group.over:
            self._resume(task, value, None)

    def _call(self, task: Task, effect: Outside) -> None:
        """Have the call made: by this thread if it comes from the pool, else by another one of the pool.

        The timeout is counted by the clock, so one that stands still while a call is under way never cuts it.
        """
        self._outside += 1
        call: _Call | None = _Call(task, effect, self.clock.now())
        self._timer(self.clock.now() + effect.timeout_s, task, failure("TimeoutError", "request timed out"))
        if self._keeps:
            call, self._kept = self._kept, call
        if call is not None:
            try:
                self._pool.submit(self._make, call)
            except (RuntimeError, MemoryError) as error:  # the system gives no thread; the call may lie in the pool's queue all the same
                call.given_up = True
                self._outside -= 1
                self._resume(task, None, failure("ConnectionFailedError", f"the call could not be begun: {error}"))

    def _make(self, call: _Call) -> None:
        """On a thread of the pool: the call, and after it those that its answer leads to."""
        following: _Call | None = None if call.given_up else call
        try:
            while following is not None:
                self._inbox.append(self._made(following))
                following = self._drive()
        except BaseException as error:
            self._defect = error  # the pool would keep it to itself
            self._wake.set()
            raise

    def _made(self, call: _Call) -> Callable[[], None]:
        """Make the call; what to do with its answer."""
        try:
            answer, problem = call.effect.call(), None
        except Exception as error:  # noqa: BLE001  # handed to the workflow that asked, which ends with it, or to the log
            if isinstance(error, MemoryError):
                _tell(error)
            answer, problem = Answer(None), error
        return lambda: self._answered(call, answer, problem)

    def _answered(self, call: _Call, answer: Answer, problem: Exception | None) -> None:
        task = call.task
        self._outside -= not call.given_up
        if task.turn != call.turn or task.group.over:
            if problem is not None and not isinstance(problem, WorkflowError):
                _LOG.error("a defect in a call that nothing waits for any more", exc_info=problem)
            return
        if isinstance(problem, WorkflowError):
            self._resume(task, None, problem)
        elif problem is not None:
            self._finish(task, None, problem)
        elif answer.extra_s > 0:
            self._resume_later(task, answer, call.began + call.effect.timeout_s)
        else:
            self._resume(task, answer.value, None)

    def _resume_later(self, task: Task, answer: Answer, timeout_at: float) -> None:
        """Resume once the time that the answer claims to have taken is over; the timeout, whose timer is set already, may come first."""
        at = self.clock.now() + answer.extra_s
        if at <= timeout_at:
            task.turn += 1
            self._timer(at, task, value=answer.value)

    def _fork(self, task: Task, fork: Fork) -> None:
        if not fork.count:
            self._resume(task, [], None)
            return
        if task.join is not None:
            task.group.busy -= 1
        task.turn += 1
        task.group.waiting.append(Join(task, fork))
        self._start_branches(task.group)

    def _start_branches(self, group: Group) -> None:
        """Fill the free slots. The youngest parallel step comes first, so that what is begun ends before more of its kind is begun."""
        for join in reversed(list(group.waiting)):
            if group.busy >= group.slots:
                return
            while join.may_start() and group.busy < group.slots:
                position = join.next
                join.next += 1
                join.running += 1
                group.busy += 1
                self._add(Task(join.fork.start(position), group, join, position))
            if join.next == join.fork.count:
                group.waiting.remove(join)

    def _finish(self, task: Task, value: Value, error: Exception | None) -> None:
        group, join = task.group, task.join
        task.turn += 1
        group.tasks.discard(task)
        if join is None or isinstance(error, FatalError) or (error is not None and not isinstance(error, WorkflowError)):
            self._end(group, value, error)
            return
        group.busy -= 1
        join.running -= 1
        join.open -= 1
        if error is not None:
            join.errors.append((task.position, error))
        if join.open == 0:
            if join.parent.join is not None:
                group.busy += 1
            self._resume(join.parent, sorted(join.errors, key=lambda entry: entry[0]), None)
        self._start_branches(group)

    def _end(self, group: Group, value: Value, error: Exception | None) -> None:
        if group.over:
            return
        group.over = True
        self._groups.discard(group)
        for task in list(group.tasks):
            task.turn += 1
            task.coroutine.close()
        group.tasks.clear()
        group.done(value, error)


def _tell(error: Exception) -> None:
    """Tell whoever watches over this process's threads, who may end it rather than have executions fail here one after the other."""
    threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread())))
