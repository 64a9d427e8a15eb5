"""Answers from a folder or a script in a provider's place, and a provider's answers kept in a folder.

    KIMERA_MODEL_CASSETTE=record:DIR    asks the provider and keeps what it answers
    KIMERA_MODEL_CASSETTE=replay:DIR    answers from what was kept, and asks nobody
    KIMERA_MODEL_CASSETTE=script:FILE   answers from a hand-written script (``scripting``)

A recording is found by account, role, ordinal and the digest of the request without what changes from run to run. A request without
a recording is an error, never a guess. Recordings hold what was asked and answered: keep them like the documents they come from.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from pydantic import ValidationError

from schemas.base import Contract, Sha256
from shared.errors import BadInput, StorageFull
from shared.models.answers import StoredAnswer
from shared.models.calls import CallKey, ModelAnswer, ModelCall, Sender
from shared.models.flags import REPLAYED
from shared.models.scripting import ScriptedSender, load_script

_VOLATILE = (
    re.compile(r"\b[a-z]{1,4}_[0-9a-hjkmnp-tv-z]{26}\b"),  # our ids
    re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"),
    re.compile(r"(?<![\w./:<])/(?:[\w.@+-]+/)+[\w.@+-]*"),  # absolute paths
)


@dataclass(frozen=True, slots=True)
class Cassette:
    """What ``KIMERA_MODEL_CASSETTE`` says."""

    mode: Literal["record", "replay", "script"]
    path: Path

    @classmethod
    def parse(cls, setting: str) -> Cassette:
        """``record:DIR``, ``replay:DIR`` or ``script:FILE``; raises ``BadInput``."""
        mode, _, path = setting.partition(":")
        if mode not in ("record", "replay", "script") or not path:
            raise BadInput(
                f"KIMERA_MODEL_CASSETTE: {setting[:80]!r} is no cassette.", remedy="Write record:DIR, replay:DIR or script:FILE."
            )
        return cls(cast("Literal['record', 'replay', 'script']", mode), Path(path).expanduser())

    @property
    def asks_nobody(self) -> bool:
        """Whether no provider is needed."""
        return self.mode != "record"

    def link(self, *, provider: Callable[[], Sender], before: Callable[[CallKey], int]) -> Sender:
        """The innermost link. ``before``: how many answers the mission has had from the key's role. Raises ``BadInput``."""
        if self.mode == "script":
            return ScriptedSender(load_script(self.path), before)
        if self.mode == "record":
            return Recorder(provider(), self.path)
        if not self.path.is_dir():
            raise BadInput(f"There are no recordings in {self.path}.", remedy=f"Make some: KIMERA_MODEL_CASSETTE=record:{self.path}")
        return Replayer(self.path)


class Recording(Contract):
    """One answer, and what was asked for it."""

    account: str
    role: str
    ordinal: int
    canonical_sha256: Sha256
    model: str
    prompt_id: str
    prompt_version: int
    system: str
    user: str
    answer: StoredAnswer


class Recorder:
    """A ``Sender`` that keeps what the next one answers. Recorded again, an answer replaces the one before."""

    def __init__(self, inner: Sender, folder: Path) -> None:
        self._inner = inner
        self._folder = folder

    def send(self, call: ModelCall) -> ModelAnswer:
        """The next link's answer, once it is on the disk. Raises ``StorageFull`` where it cannot be."""
        answer = self._inner.send(call)
        recording = Recording(
            account=call.key.account,
            role=call.key.role,
            ordinal=call.key.ordinal,
            canonical_sha256=canonical_sha256(call),
            model=call.model.label,
            prompt_id=call.prompt.id,
            prompt_version=call.prompt.version,
            system=call.prompt.system,
            user=call.prompt.user,
            answer=StoredAnswer.of(answer),
        )
        path = _path(self._folder, call)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as file:
                file.write(recording.model_dump_json(indent=1))
            Path(file.name).replace(path)
        except OSError as error:
            raise StorageFull(f"The recording {path} cannot be written: {error}", remedy="Give another folder to record to.") from error
        return answer


class Replayer:
    """A ``Sender`` that answers from recordings."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, call: ModelCall) -> ModelAnswer:
        """What was answered to this very request. Raises ``BadInput`` where it was never recorded."""
        path = _path(self._folder, call)
        try:
            recording = Recording.model_validate_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise BadInput(
                f"{self._folder} has no recording of this request: {call.key.role}, call {call.key.ordinal} of a slice, prompt "
                f"{call.prompt.id} version {call.prompt.version}, model {call.model.label}.",
                remedy=f"Record the mission again: KIMERA_MODEL_CASSETTE=record:{self._folder}",
            ) from error
        except (OSError, ValidationError, UnicodeDecodeError) as error:
            raise BadInput(f"The recording {path} cannot be read: {error}", remedy="Record it again.") from error
        answer = recording.answer.answer()
        return replace(answer, cost_micro_usd=0, flags=(*answer.flags, REPLAYED))


def canonical_sha256(call: ModelCall) -> str:
    """The digest of all that the model sees, without ids, times and paths of a run."""
    texts = [call.prompt.system, call.prompt.user, *(text for c in call.corrections for text in (c.answer, c.problem))]
    seen = [call.model.label, call.max_output_tokens, call.output_schema, [_still(text) for text in texts]]
    return hashlib.sha256(json.dumps(seen, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _still(text: str) -> str:
    for pattern in _VOLATILE:
        text = pattern.sub("*", text)
    return text


def _path(folder: Path, call: ModelCall) -> Path:
    key = call.key
    return folder / key.account / key.role / f"{key.ordinal:03d}-{canonical_sha256(call)[:16]}.json"
