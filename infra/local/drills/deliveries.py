"""Messages that come twice, late and out of order: nothing changes, and what was stored is returned (invariant 2)."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

from infra.local.drills import promises
from infra.local.drills.drill import Drill, Scene
from infra.local.drills.host import OpenHost
from infra.local.drills.messages import How, Message
from infra.local.drills.missions import Asked, until_over
from infra.local.drills.open_host import headers_of
from infra.local.drills.standin import StandIn
from infra.local.drills.standin.playing import plays_well
from shared.counted import counted
from shared.documents import JsonMap

REFUSED = 409
"""What a message of an execution that is not the mission's any more, or of a mission that is over, is answered with."""
PASSING = 503
"""Somebody else is at it: the caller asks again."""
KINDS = ("intake/", "dispatch", "claim", "step", "advance", "fuse", "complete")
"""The messages that a mission takes which is uploaded and ends well, before any deadline: it asks no gate."""
SUBMISSIONS = 16


def drills() -> list[Drill]:
    """During a mission, after it, and for the first message of all."""
    return [
        Drill("delivery.unruly", "every message comes twice at the same moment, with an older one behind it", _unruly),
        Drill("delivery.late", "after the mission's end, all its messages come again: in order, reversed, shuffled", _late),
        Drill("delivery.submissions", "one submission arrives sixteen times at once, by the same key", _submissions),
    ]


def _mission(scene: Scene, *, unruly: bool) -> tuple[OpenHost, StandIn, str]:
    """A mission that was put into the inbox and has ended."""
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    inbox = scene.folder / "inbox"
    host = scene.closing.enter_context(OpenHost(scene.folder, standin.environment(), unruly=unruly, inbox=inbox))
    Asked().put(inbox / "heights")
    found = scene.until(lambda: host.api.missions(limit=9), "the uploaded mission", seconds=60)
    state = until_over(scene, host.api, found[0].mission_id)
    report = scene.folder / "outbox" / "heights" / "report.md"
    scene.until(lambda: report.exists() or None, "the report in the outbox", seconds=60)
    return host, standin, state.mission_id


def _unruly(scene: Scene) -> None:
    host, standin, mission_id = _mission(scene, unruly=True)
    # The mission has ended with its last message's first delivery: the other one may still be under way.
    twins = scene.until(lambda: _all_kinds(host.messages, "twin"), "the second delivery of every kind of message", seconds=60)
    messages = host.messages
    again = Counter((m.how, _kind(m)) for m in messages if m.how != "first")
    told = ", ".join(f"{times} {kind} {how}" for (how, kind), times in sorted(again.items()))
    scene.hurt("every message is delivered twice at once, older ones late", proof=told, really=bool(twins))
    state = host.api.state(mission_id)
    promises.all_kept(scene, host, state, standin)
    scene.check("no delivery replaces the execution", state.epoch == 1, f"epoch {state.epoch}")
    scene.check("one upload is one mission", len(host.api.missions(limit=9)) == 1, counted(len(host.api.missions(limit=9)), "mission"))
    check_results(scene, messages)
    failures = [m for m in messages if m.status >= 400 and m.status not in (REFUSED, PASSING)]
    seen = f"{len(messages)} deliveries, {len(failures)} errors" + (f": {failures[0].answer[:200]}" if failures else "")
    scene.check("no delivery is an error", not failures, seen)


def _all_kinds(messages: Sequence[Message], how: How) -> set[str] | None:
    """The kinds of messages that were delivered like this, once all have been."""
    kinds = {_kind(message) for message in messages if message.how == how}
    return kinds if kinds.issuperset(KINDS) else None


def check_results(scene: Scene, messages: Sequence[Message]) -> None:
    """Whatever a delivery was told of a slice is the same, and each epoch's execution was started once.

    The call that did several slices answers with the last one's result, one that repeats it with the stored result of its own.
    """
    results: dict[tuple[str, str], set[str]] = defaultdict(set)
    for message in messages:
        if _kind(message) == "step" and message.status == httpx.codes.OK and _is_of_a_slice(message):
            results[message.path, str(message.result["next_seq"])].add(message.answer)
    differing = [answers for answers in results.values() if len(answers) > 1]
    seen = f"{len(results)} slices, {sum(_kind(m) == 'step' for m in messages)} calls, {len(differing)} with differing results"
    if differing:
        seen += f": {' and '.join(sorted(differing[0]))}"
    scene.check("a repeated slice returns its stored result", bool(results) and not differing, seen)
    started = Counter(m.payload["epoch"] for m in messages if _kind(m) == "dispatch" and m.result.get("started") is True)
    told = ", ".join(f"epoch {epoch}: {times}" for epoch, times in started.items())
    scene.check("an epoch is dispatched once", bool(started) and set(started.values()) == {1}, f"executions started: {told or 'none'}")
    published = [m.result for m in messages if _kind(m) == "fuse" and m.status == httpx.codes.OK]
    versions = {str(result.get("version")) for result in published}
    scene.check("a repeated fusion returns the version that stands", versions == {"1"}, f"{len(published)} answers, versions {versions}")


def _is_of_a_slice(step: Message) -> bool:
    """Whether it was told of a slice; else to come again in as long as is left by then, or that its track has ended."""
    asked_for, following = step.payload["seq"], step.result["next_seq"]
    return isinstance(asked_for, int) and isinstance(following, int) and following > asked_for


def _late(scene: Scene) -> None:
    host, standin, mission_id = _mission(scene, unruly=False)
    scene.until(lambda: _all_kinds(host.messages, "first"), "the answer to every kind of message", seconds=60)
    before, asked = _all(host, mission_id), len(standin.seen)
    messages = [m for m in host.messages if m.status < 300 and not m.path.startswith(("/lifecycle/reconcile", "/lifecycle/anchor"))]
    kinds = Counter(_kind(m) for m in messages)
    orders = {"in order": messages, "reversed": messages[::-1], "shuffled": random.Random(11).sample(messages, len(messages))}
    statuses: Counter[int] = Counter()
    with httpx.Client(base_url=host.functions, timeout=120) as client:
        for order in orders.values():
            for message in order:
                answer = client.post(message.path, content=message.body.encode(), headers=headers_of(message.event))
                statuses[answer.status_code] += 1
    told = ", ".join(f"{times} {kind}" for kind, times in kinds.items())
    complete = kinds.keys() >= set(KINDS)
    scene.hurt(
        f"{len(messages)} messages again, {', '.join(orders)}", proof=f"delivered: {told}; answers {dict(statuses)}" if complete else ""
    )
    after = _all(host, mission_id)
    changed = [name for name in before if before[name] != after[name]]
    scene.check("late messages change nothing", not changed, f"changed: {', '.join(changed) or 'nothing'}")
    scene.check("late messages buy nothing", len(standin.seen) == asked, f"{len(standin.seen) - asked} requests more")
    unexpected = {status: times for status, times in statuses.items() if status >= 400 and status != REFUSED}
    scene.check("each is answered, or refused as stale", not unexpected, f"{dict(statuses)}")
    promises.all_kept(scene, host, host.api.state(mission_id), standin)


def _all(host: OpenHost, mission_id: str) -> JsonMap:
    """All that can be seen of the mission."""
    return {
        "state": host.api.state(mission_id).model_dump(mode="json"),
        "events": [event.model_dump(mode="json") for event in host.api.events(mission_id)],
        "costs": host.api.costs_of_mission(mission_id, by="role").model_dump(mode="json"),
        "report": host.api.report(mission_id, form="json").decode(),
        "missions": len(host.api.missions(limit=9)),
    }


def _submissions(scene: Scene) -> None:
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    host = scene.closing.enter_context(OpenHost(scene.folder, standin.environment(), unruly=False))
    request = Asked().upload(host.api, scene.folder / "files")
    with ThreadPoolExecutor(SUBMISSIONS) as pool:
        accepted = list(pool.map(lambda _: host.api.submit(request, idempotency_key="drill"), range(SUBMISSIONS)))
    ids = Counter(one.mission_id for one in accepted)
    scene.hurt("the same submission at the same moment", proof=f"{len(accepted)} were answered")
    created = sum(one.created for one in accepted)
    scene.check("all are the one mission", len(ids) == 1 and created == 1, f"{counted(len(ids), 'mission')}, {created} created")
    state = until_over(scene, host.api, accepted[0].mission_id)
    scene.check("nothing else was begun", len(host.api.missions(limit=99)) == 1, counted(len(host.api.missions(limit=99)), "mission"))
    promises.all_kept(scene, host, state, standin)


def _kind(message: Message) -> str:
    """The last part of its path; of an upload's event the function's name."""
    return "intake/" if message.path == "/intake/" else message.path.rpartition("/")[2]
