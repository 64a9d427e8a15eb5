"""Submitting a mission: checked, written once per idempotency key, queued."""

from __future__ import annotations

from datetime import date

from schemas.mission import MissionInput, MissionRequest
from shared.artifacts import SCHEME, ArtifactStore
from shared.certificates import CERTIFICATES_REMEDY, wrong_certificates
from shared.clock import Clock
from shared.crash_points import reached
from shared.errors import BadInput, BudgetRefused, NotFound
from shared.inputs import input_prefix
from shared.knowledge.port import KnowledgeGraph, Scope
from shared.language.detect import require_language
from shared.missions.dispatching import dispatch_task
from shared.missions.records import MissionRecord
from shared.missions.repository import Missions
from shared.models.calls import ModelSpec
from shared.models.credentials import KEY_REMEDY, ModelEndpoints
from shared.models.research_choice import check_research
from shared.models.selection import usual_model
from shared.queue import TaskQueue

MAX_KEY_CHARS = 200


class Submission:
    """Accepts missions. After it returned, the mission ends in DONE, FAILED or CANCELLED (invariant 1)."""

    def __init__(
        self,
        missions: Missions,
        artifacts: ArtifactStore,
        knowledge: KnowledgeGraph,
        queue: TaskQueue,
        clock: Clock,
        endpoints: ModelEndpoints | None,
    ) -> None:
        """``endpoints``: where this process knows them; on the cloud only the functions that ask models hold keys."""
        self._missions = missions
        self._artifacts = artifacts
        self._knowledge = knowledge
        self._queue = queue
        self._clock = clock
        self._endpoints = endpoints

    def submit(self, request: MissionRequest, *, owner: str, idempotency_key: str | None) -> tuple[MissionRecord, bool]:
        """The mission, and whether it is new."""
        checked = self.check(request, owner=owner)
        if idempotency_key is not None and not (0 < len(idempotency_key) <= MAX_KEY_CHARS and idempotency_key.isprintable()):
            raise BadInput(f"An idempotency key has 1 to {MAX_KEY_CHARS} printable characters.")
        mission, created = self._missions.create(checked, owner=owner, idempotency_key=idempotency_key)
        reached("mission.created")
        if not mission.over and mission.dispatched_epoch < mission.epoch:
            self._queue.enqueue(dispatch_task(mission))
        return mission, created

    def check(self, request: MissionRequest, *, owner: str) -> MissionRequest:
        """The request with every input's size and sha256 filled in; raises what is wrong with it, and spends nothing."""
        self._require_model(request)
        require_language(request.question)
        check_research(request, on=self._clock.now().date(), endpoints=self._endpoints)
        searches = request.tracks.deep_research.remote
        if not request.inputs and not searches and not self._has_documents(owner, request.knowledge_space):
            raise BadInput(
                "There is nothing to work on: no data, no documents, and the knowledge space is empty.",
                remedy="Give files with --data and --docs, fill the space with `kimera space add`, or use --web or --research.",
            )
        return request.model_copy(update={"inputs": tuple(self._checked(item, owner) for item in request.inputs)})

    def _require_model(self, request: MissionRequest) -> None:
        """A mission that a model is to work on needs one that has a price and, where this process can know, a key or endpoint."""
        model = priced_model(request, on=self._clock.now().date())
        if model is not None and self._endpoints is not None and not self._endpoints.reaches(model.provider):
            who = f"The tier {request.tier}" if request.model is None else "The mission"
            raise BadInput(
                f"{who} asks {model.label}, and there is no key or endpoint for it.",
                remedy=self._endpoints.missing(model),
            )
        if model is not None and self._endpoints is not None and (wrong := self._endpoints.wrong_key(model.provider)) is not None:
            raise BadInput(wrong, remedy=KEY_REMEDY)
        asks_others = model is not None or request.tracks.deep_research.remote
        if asks_others and self._endpoints is not None and (wrong := wrong_certificates()) is not None:
            raise BadInput(wrong, remedy=CERTIFICATES_REMEDY)

    def _has_documents(self, owner: str, space: str) -> bool:
        return next(iter(self._knowledge.nodes(Scope(owner, space), "Document")), None) is not None

    def _checked(self, item: MissionInput, owner: str) -> MissionInput:
        if not item.uri.startswith(SCHEME + input_prefix(owner)):
            raise BadInput(f"The input {item.name!r} is not one of your uploads.", remedy="Upload it first: PUT /inputs/{name}.")
        try:
            stored = self._artifacts.stat(item.uri)
        except NotFound as error:
            raise BadInput(
                f"The input {item.name!r} was never uploaded, or was deleted.", remedy="Upload it first: PUT /inputs/{name}."
            ) from error
        if item.sha256 is not None and item.sha256 != stored.sha256:
            raise BadInput(f"The input {item.name!r} has another sha256 than the request says.", remedy="Upload it again.")
        if stored.size == 0:
            raise BadInput(f"The input {item.name!r} is empty.", remedy="Leave it out, or give a file with content.")
        return item.model_copy(update={"sha256": stored.sha256, "size": stored.size})


def priced_model(request: MissionRequest, *, on: date) -> ModelSpec | None:
    """The model that plays most roles of a mission; ``None`` for one without. Raises ``BadInput`` where its price is not known."""
    try:
        return usual_model(request.tier, request.model, on=on)
    except BudgetRefused as unpriced:  # nothing is spent yet: who asks can still say what it costs
        raise BadInput(unpriced.message, remedy=unpriced.remedy) from unpriced
