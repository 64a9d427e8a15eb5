"""``Book``: the ledger's documents in one transaction. Each is read when it is first needed, changed in memory, and written once."""

from __future__ import annotations

from collections.abc import Iterable

from shared.documents import Query, Ref, Transaction, Where
from shared.ledger.accounts import ACCOUNTS, Account
from shared.ledger.records import DAYS, PURSES, DayRecord, LedgerRecord, PurseRecord, ledger_ref, purse_ref

_MANY = 30
"""Missions whose purses one query may name (``Query``: ``in`` has at most 30 values)."""


class Book:
    """Reads come first: ``write`` ends them. What was put is what later looks find."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._purses: dict[Ref, PurseRecord | None] = {}
        self._shards: dict[Ref, DayRecord | None] = {}
        self._changed: dict[Ref, PurseRecord | DayRecord] = {}

    def ledger(self, mission_id: str) -> LedgerRecord | None:
        """What stops the mission from buying, if anything does."""
        document = self._tx.get(ledger_ref(mission_id))
        return LedgerRecord.read(document) if document else None

    def purse(self, mission_id: str, account: Account) -> PurseRecord | None:
        """The purse, if the account has one."""
        ref = purse_ref(mission_id, account)
        if ref not in self._purses:
            document = self._tx.get(ref)
            self._purses[ref] = PurseRecord.read(document) if document else None
        return self._purses[ref]

    def purses(self, mission_id: str) -> list[PurseRecord]:
        """The purses of all accounts that have one."""
        found = [self.purse(mission_id, account) for account in ACCOUNTS]
        return [purse for purse in found if purse is not None]

    def known(self, purse: PurseRecord) -> PurseRecord:
        """The purse as it was put last; else as it is."""
        return self._purses.get(purse.ref) or purse

    def look_up(self, missions: Iterable[str]) -> None:
        """Read the purses of many missions at once, so that looking at each costs nothing more."""
        wanted = [m for m in missions if any(purse_ref(m, account) not in self._purses for account in ACCOUNTS)]
        for at in range(0, len(wanted), _MANY):
            part = wanted[at : at + _MANY]
            for document in self._tx.query(Query(PURSES, (Where("mission_id", "in", list(part)),))):
                self._purses.setdefault(document.ref, PurseRecord.read(document))
            for mission_id in part:
                for account in ACCOUNTS:
                    self._purses.setdefault(purse_ref(mission_id, account), None)

    def shard(self, shard: str) -> DayRecord | None:
        """A day's document by its id."""
        ref = Ref(DAYS, shard)
        if ref not in self._shards:
            document = self._tx.get(ref)
            self._shards[ref] = DayRecord.read(document) if document else None
        return self._shards[ref]

    def shards(self, day: str) -> list[DayRecord]:
        """All documents of a day."""
        for document in self._tx.query(Query(DAYS, (Where("day", "==", day),))):
            self._shards.setdefault(document.ref, DayRecord.read(document))
        return [shard for shard in self._shards.values() if shard is not None and shard.day == day]

    def put(self, *records: PurseRecord | DayRecord) -> None:
        """Change documents; they are written by ``write``."""
        for record in records:
            if isinstance(record, PurseRecord):
                self._purses[record.ref] = record
            else:
                self._shards[record.ref] = record
            self._changed[record.ref] = record

    def write(self) -> None:
        """Write what was changed. Nothing is read afterwards."""
        for ref, record in self._changed.items():
            self._tx.put(ref, record.data())
