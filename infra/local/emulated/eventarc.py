"""The emulated Eventarc trigger: takes Cloud Storage's notifications from Pub/Sub and posts each to ``intake`` as a CloudEvent.

At least once, as there: a notification is acknowledged when ``intake`` answered 2xx, and after some refusals it becomes a dead letter.
"""

from __future__ import annotations

import base64
import logging
import threading
from dataclasses import dataclass

import httpx

from functions.intake.event import FINALIZED
from shared.documents import Json
from shared.id_tokens import unsigned_token

_MOST_REFUSALS = 10
_WAIT_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trigger:
    """Where notifications come from, where events go, and where those go that nobody takes; with the service account of each."""

    pubsub: str
    project: str
    topic: str
    target: str
    dead_letters: str
    account: str
    dead_letters_account: str

    @property
    def subscription(self) -> str:
        """The trigger's own subscription."""
        return f"projects/{self.project}/subscriptions/{self.topic}-intake"


class EventarcTrigger:
    """Delivers in a thread of its own, from ``start`` to ``stop``."""

    def __init__(self, trigger: Trigger) -> None:
        self._trigger = trigger
        self.delivered = 0
        """How many notifications are done with."""
        self._client = httpx.Client(timeout=180)
        self._refusals: dict[str, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kimera-eventarc", daemon=True)

    def declare(self) -> None:
        """Make topic and subscription; nothing happens where they are. After a restart of the emulator they are not."""
        to = self._trigger
        root = f"http://{to.pubsub}/v1"
        topic = f"projects/{to.project}/topics/{to.topic}"
        for address, body in ((topic, {}), (to.subscription, {"topic": topic, "ackDeadlineSeconds": 200})):
            answer = self._client.put(f"{root}/{address}", json=body)
            if answer.status_code != httpx.codes.CONFLICT:
                answer.raise_for_status()

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def deliver_no_more(self) -> None:
        """Take no further notification; what is being delivered may still be."""
        self._stopped.set()

    def stop(self) -> None:
        """End behind the answer to the last pull, which may come late. What is being delivered is delivered again by the next one."""
        self.deliver_no_more()
        self._client.close()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._round()
            except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client was closed
                if not self._stopped.wait(_WAIT_S):
                    _log.warning("Pub/Sub does not answer and is asked again: %s", error)

    def _round(self) -> None:
        address = f"http://{self._trigger.pubsub}/v1/{self._trigger.subscription}"
        answer = self._client.post(f"{address}:pull", json={"maxMessages": 10})
        answer.raise_for_status()
        received = answer.json().get("receivedMessages", [])
        if not received:
            self._stopped.wait(_WAIT_S)
        for item in received:
            message, ack = item["message"], {"ackIds": [item["ackId"]]}
            if self._deliver(message):
                self._client.post(f"{address}:acknowledge", json=ack).raise_for_status()
                self.delivered += 1
            else:
                self._client.post(f"{address}:modifyAckDeadline", json={**ack, "ackDeadlineSeconds": 0}).raise_for_status()
                self._stopped.wait(_WAIT_S)

    def _deliver(self, message: dict[str, Json]) -> bool:
        """Whether the notification is done with."""
        to = self._trigger
        name = str(message["messageId"])
        headers = {
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-type": FINALIZED,
            "ce-id": name,
            "ce-source": f"//pubsub.googleapis.com/projects/{to.project}/topics/{to.topic}",
            "Authorization": f"Bearer {unsigned_token(to.account, to.target)}",
        }
        answer = self._client.post(to.target + "/", content=base64.b64decode(str(message["data"])), headers=headers)
        if answer.is_success:
            return True
        self._refusals[name] = self._refusals.get(name, 0) + 1
        _log.warning("intake answered %s to an event (%s times): %s", answer.status_code, self._refusals[name], answer.text[:300])
        if self._refusals[name] < _MOST_REFUSALS:
            return False
        return self._give_up(message)

    def _give_up(self, message: dict[str, Json]) -> bool:
        to = self._trigger
        headers = {"Authorization": f"Bearer {unsigned_token(to.dead_letters_account, to.dead_letters)}"}
        kept = self._client.post(to.dead_letters + "/", json={"message": message, "subscription": to.subscription}, headers=headers)
        _log.error("The event %s is given up: %s", message["messageId"], "a dead letter" if kept.is_success else kept.text[:300])
        return kept.is_success
