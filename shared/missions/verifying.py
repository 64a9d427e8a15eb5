"""Whether an audit chain is what was written: every entry in its place, each following from the one before it, none cut off; and
whether what its entries name is what is stored.

A chain proves order and content of what it holds. That nothing was cut off its end, or written anew from some entry on, is proven by
witnesses: anchored heads, and the head in the document that the writer writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.events import AuditEvent
from shared.missions.chain import GENESIS
from shared.missions.chain_reading import CHANGED, Entry, StoredChain
from shared.missions.contents import Contents

IN_ITS_DOCUMENT = "is the last one by its writer's own document"


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a chain is not what it should be."""

    mission_id: str
    writer: str
    n: int
    what: str


@dataclass(frozen=True, slots=True)
class Witness:
    """That an entry had this hash; ``seen`` says by what: ``was anchored at ...``."""

    hash: str
    seen: str


@dataclass(frozen=True, slots=True)
class CheckedChain:
    """A chain that was read to its end. ``anchored``: up to which entry anchors cover it."""

    writer: str
    events: int
    anchored: int
    breaks: tuple[Break, ...]


def check_chain(chain: StoredChain, anchored: Mapping[int, Sequence[Witness]], contents: Contents) -> CheckedChain:
    """Every change, reordering or removal in the chain, and whatever its entries name that is stored otherwise.

    ``anchored``: the witnesses for each entry that anchors name.
    """
    breaks: list[Break] = []

    def broken(n: int, what: str) -> None:
        breaks.append(Break(chain.mission_id, chain.writer, n, what))

    waiting = {n: list(witnesses) for n, witnesses in anchored.items()}
    if chain.head is not None:
        waiting.setdefault(chain.head.n, []).append(Witness(chain.head.hash, IN_ITS_DOCUMENT))
    events, last, last_hash = 0, 0, GENESIS
    follows = True  # whether the hash of the entry before is known
    for entry in chain.entries:
        if entry.n < 1:
            broken(entry.n, "what is stored there has no place in a chain")
            continue
        known = entry.event.hash if entry.event else None
        if entry.n <= last:
            if entry.n < last or known != last_hash:
                broken(entry.n, "it is stored twice, and not the same")
            continue
        if entry.n > last + 1:
            broken(last + 1, f"entry {last + 1} is missing" if entry.n == last + 2 else f"entries {last + 1} to {entry.n - 1} are missing")
            follows = False
        if entry.wrong:
            broken(entry.n, entry.wrong)
        if entry.event is not None:
            events += 1
            if follows and entry.event.previous != last_hash and entry.wrong != CHANGED:
                broken(entry.n, "it does not follow from the entry before it")
            breaks += _stored_otherwise(entry, entry.event, contents)
        for witness in waiting.pop(entry.n, ()):
            if witness.hash != known:
                broken(entry.n, f"it is not the entry that {witness.seen}")
        last, last_hash, follows = entry.n, known or "", known is not None
    for n, witnesses in sorted(waiting.items()):
        for witness in witnesses:
            broken(n, _cut_off(n, last, witness))
    return CheckedChain(chain.writer, events, max(anchored, default=0), tuple(breaks))


def _stored_otherwise(entry: Entry, event: AuditEvent, contents: Contents) -> list[Break]:
    """What is not as the entry says, if it is one to be believed."""
    if entry.wrong:
        return []
    return [Break(entry.mission_id, entry.writer, entry.n, what) for what in contents.differences(event)]


def never_written(mission_id: str, writer: str, anchored: Mapping[int, Iterable[Witness]]) -> tuple[Break, ...]:
    """The breaks of a chain that anchors know and of which nothing is stored."""
    return tuple(
        Break(mission_id, writer, n, _cut_off(n, 0, witness)) for n, witnesses in sorted(anchored.items()) for witness in witnesses
    )


def _cut_off(n: int, last: int, witness: Witness) -> str:
    kept = f"the chain ends at entry {last}" if last else "nothing of the chain is left"
    if n <= last:  # a gap was told already, and what stood in it was known
        return f"it is missing, and {witness.seen}"
    return f"{kept}, and entry {n} {witness.seen}"
