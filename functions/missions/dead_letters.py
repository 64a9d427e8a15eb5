"""Dead letters as their owners see them: listed, shown, replayed, discarded.

A letter belongs to its mission's owner; one that belongs to no mission, as an upload's event does, is the inbox's owner's.
A replay puts the letter's message back into the queue, for the very handler it was meant for. Its task's name holds the number of the
replay, so that one that is asked for twice at the same time, or repeated after a crash, is delivered once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from functions.missions.answers import DeadLetter, DeadLetterPage, LetterHandling
from shared.clock import Clock
from shared.crash_points import reached
from shared.dead_letters import AGAIN, DEAD_LETTERS, GIVEN_UP, UPLOADS, Handling, Letter, LetterStatus, write
from shared.documents import Document, DocumentStore, JsonMap, Query, Ref, Transaction
from shared.errors import BadInput, Conflict, Corrupt, NotFound
from shared.missions.chain import Happening
from shared.missions.damaged import owner_of
from shared.missions.damaged_letters import mission_of, restored
from shared.missions.repository import Missions
from shared.missions.submission import Submission
from shared.queue import Task, TaskQueue

_BATCH = 200
_REDELIVERED = "intake/redeliver"
MAX_WHY_CHARS = 500


class DeadLetters:
    """The letters of one caller; ``inbox_owner`` is whose the letters without a mission are."""

    def __init__(
        self,
        documents: DocumentStore,
        queue: TaskQueue,
        missions: Missions,
        submission: Submission,
        clock: Clock,
        *,
        owner: str,
        inbox_owner: str | None,
    ) -> None:
        self._documents = documents
        self._queue = queue
        self._missions = missions
        self._submission = submission
        self._clock = clock
        self._owner = owner
        self._inbox_owner = inbox_owner

    def page(self, *, status: LetterStatus | None, mission_id: str | None, limit: int, after: str | None) -> DeadLetterPage:
        """The newest letters first. Raises ``NotFound`` where the page before ended with none that is there."""
        page: list[Letter] = []
        unreadable: list[str] = []
        between: list[str] = []  # those since the last letter: behind the last one of a full page, they are the next page's
        more = False
        for letter in self._newest_first(after):
            if isinstance(letter, Document):
                if mission_id is None or mission_of(letter) in (mission_id, None):
                    between.append(letter.ref.id)
            elif (status is None or letter.status is status) and (mission_id is None or letter.mission_id == mission_id):
                if more := len(page) == limit:
                    break
                page.append(letter)
                unreadable, between = [*unreadable, *between], []
        unreadable += [] if more else between
        return DeadLetterPage(letters=tuple(map(shown, page)), next=page[-1].name if more else None, unreadable=tuple(unreadable))

    def read(self, name: str) -> DeadLetter:
        """One letter. Raises ``NotFound``."""
        return shown(self._read(name))

    def replay(self, name: str, *, again: bool) -> DeadLetter:
        """Put the letter's message into the queue once more, and mark it. Raises ``Conflict`` for a second replay without ``again``."""
        letter = self._read(name)
        _require_unplayed(letter, again=again)
        number = len(letter.replays) + 1
        begun = self._deliver(letter, number)
        reached("letter.replayed")
        handling = Handling(by=self._owner, at=self._clock.now(), mission_id=begun)

        def work(tx: Transaction) -> Letter:
            current = self._mine(tx.get(letter.ref), name)
            if len(current.replays) >= number:
                if not again:
                    _require_unplayed(current, again=False)
                return current  # the same replay, asked for twice at the same time
            changed = current.model_copy(
                update={"status": LetterStatus.REPLAYED, "replays": (*current.replays, handling), "discarded": None}
            )
            happening = Happening("dead_letter.replayed", {"letter": name, "route": letter.route, "n": number, "by": self._owner})
            return write(tx, changed, happening, at=handling.at)

        return shown(self._documents.transact(work))

    def discard(self, name: str, *, why: str) -> DeadLetter:
        """Mark the letter as one that nobody has to look at; a replay takes it back. A second call changes nothing.

        One that is damaged becomes a letter whose message is all that is left of it: it can be shown, and not be delivered.
        """
        if not why.strip() or len(why) > MAX_WHY_CHARS:
            raise BadInput(f"A reason has 1 to {MAX_WHY_CHARS} characters.", remedy="Say why the letter is not needed any more.")
        handling = Handling(by=self._owner, at=self._clock.now(), why=why.strip())

        def work(tx: Transaction) -> Letter:
            document = tx.get(_ref(name))
            try:
                current = self._mine(document, name)
            except Corrupt as damaged:
                assert document is not None
                current = restored(tx, document, damaged, owner=self._owner, at=handling.at)
            if current.status is LetterStatus.DISCARDED:
                return current
            changed = current.model_copy(update={"status": LetterStatus.DISCARDED, "discarded": handling})
            happening = Happening("dead_letter.discarded", {"letter": name, "route": current.route, "by": self._owner})
            return write(tx, changed, happening, at=handling.at)

        return shown(self._documents.transact(work))

    def _deliver(self, letter: Letter, number: int) -> str | None:
        """Hand the message over; the mission that this began, where the letter is of one that was given up."""
        payload: JsonMap | None = letter.payload if isinstance(letter.payload, dict) else None
        if payload is None:
            raise BadInput(
                f"The message of {letter.name} is no JSON object: no handler takes it.",
                remedy="Send it again from where it came, or discard it.",
            )
        task = f"{letter.name}{AGAIN}{number}"
        if letter.route == GIVEN_UP:
            mission = self._missions.owned(str(letter.mission_id), self._owner)
            return self._submission.submit(mission.request, owner=self._owner, idempotency_key=f"replay-{task}")[0].mission_id
        route = _REDELIVERED if letter.route == UPLOADS else letter.route
        self._queue.enqueue(Task(name=task, route=route, payload=payload))
        return None

    def _newest_first(self, after: str | None) -> Iterator[Letter | Document]:
        """The caller's letters; of one that is damaged, its document."""
        last: Document | None = None
        if after is not None:
            last = self._documents.get(_ref(after))
            self._mine(last, after)
        while batch := self._documents.query(Query(DEAD_LETTERS, order_by="-at", limit=_BATCH, after=last)):
            last = batch[-1]
            for document in batch:
                try:
                    letter = Letter.read(document)
                except Corrupt:
                    if self._is_mine(owner_of(document)):
                        yield document
                    continue
                if self._is_mine(letter.owner):
                    yield letter

    def _read(self, name: str) -> Letter:
        return self._mine(self._documents.get(_ref(name)), name)

    def _mine(self, document: Document | None, name: str) -> Letter:
        """Raises ``NotFound`` for one that is not the caller's, and ``Corrupt`` for one of theirs that is damaged."""
        unknown = NotFound(f"There is no dead letter {name[:80]!r}.", remedy="List yours with `kimera dead-letters list`.")
        if document is None:
            raise unknown
        try:
            letter = Letter.read(document)
        except Corrupt:
            if not self._is_mine(owner_of(document)):
                raise unknown from None
            raise
        if not self._is_mine(letter.owner):
            raise unknown
        return letter

    def _is_mine(self, owner: str | None) -> bool:
        return self._owner == (self._inbox_owner if owner is None else owner)


def shown(letter: Letter) -> DeadLetter:
    """The letter as it is answered."""
    return DeadLetter(
        name=letter.name,
        status=letter.status.value,
        route=letter.route,
        payload=letter.payload,
        error=letter.error,
        deliveries=letter.deliveries,
        at=letter.at,
        trace_id=letter.trace_id,
        mission_id=letter.mission_id,
        replays=tuple(_handling(replay) for replay in letter.replays),
        discarded=_handling(letter.discarded) if letter.discarded else None,
    )


def _handling(handling: Handling) -> LetterHandling:
    return LetterHandling(by=handling.by, at=handling.at, why=handling.why, mission_id=handling.mission_id)


def _require_unplayed(letter: Letter, *, again: bool) -> None:
    if letter.status is LetterStatus.REPLAYED and not again:
        last = letter.replays[-1]
        raise Conflict(
            f"{letter.name} was replayed by {last.by} at {_moment(last.at)}.",
            remedy="`kimera dead-letters replay NAME --again` (over HTTP: again=true) delivers it once more.",
        )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _ref(name: str) -> Ref:
    """Where a letter of that name would be; ``NotFound`` for what no letter can be called."""
    if not name or "/" in name or not name.isprintable() or len(name.encode()) > 1_000:
        raise NotFound(f"There is no dead letter {name[:80]!r}.", remedy="List yours with `kimera dead-letters list`.")
    return Ref(DEAD_LETTERS, name)
