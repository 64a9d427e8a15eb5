"""Whose money a paid call spends, and how much of it is left (invariant 4: caps hold at every instant).

``ledger``     reserve and settle, inside the caller's transaction   ``closing``  a mission's end, and its deletion
``leasing``    how an account's part of the mission's cap grows      ``records``  what is stored
``tranches``   how a purse gets its part of the day's cap            ``book``     the documents of one transaction
``day``        a day's shards: whose money is free, how it moves     ``money``    micro-dollars as a person reads them
``spending``   what missions and days have spent                     ``refusals`` why there is no money, and what to do
``attribution`` who, or what, the money went to

**The mission's cap** is leased to its accounts (one for each track, one for fusion), so that two tracks seldom write the same document;
an account that has used its lease up takes what nobody has leased, then what lies idle with the others. How much is leased, the purses
themselves say: nothing else has to be written when a lease grows.

**The day's cap**, which all missions share, is divided among shards (``KIMERA_DAY_SHARDS`` documents for each UTC day), and a purse draws
tranches from its mission's shard: the first when a slice begins, for all accounts of the mission at once, another when one is used up.
So an ordinary reservation, and its settlement, writes the journal's row and the purse. Where a shard is short, the transaction of the
reservation reads all shards and moves limits; where that is not enough, it reads the purses that hold tranches too, and what they do not
use goes back. Only then is a call refused: money that is free is never refused, and at the edge alone do missions meet.

A reservation counts on the day on which it was made, also when it is settled later. An account's first call on a new day hands back what
it holds of finished days; a mission's end hands back everything but what is under way, which follows when it is settled.

*Another cap* counts from the first call on: tranches know the cap that they were drawn under, and no call spends from one under another
cap before a transaction has called all idle money back and divided what is left. Under a cap that is below what is spent, that finds
nothing, and refuses. *Another number of shards* counts from the next day on: a day keeps the number that it began with, and a mission
whose shard is none of them has one that begins with nothing, and takes. *A day that the version before began*, on one document, ends on
that document, from which the tranches are then drawn; what that version set aside there is settled there (``JournalRow.held``).
*An overrun* takes what it lacks from what is free; where nothing is, all tranches are recalled, and each call looks at the whole day until
the day is within its cap again.

**Nothing expires.** Only money that is set aside for a request which was never sent may become free by itself, and there is none: the
reservation and the journal's SENT are one commit, so whatever is reserved may have been spent at the provider. What never gets an
answer is settled at its bound (UNKNOWN) when its slice runs again; until then it stays reserved, which the caps count alike. Leases
and tranches are no such hold: their idle part is anybody's.
"""
