"""Whose money a paid call spends, and how much of it is left (invariant 4: caps hold at every instant).

``ledger``   reserve, settle, release, inside the caller's transaction       ``records``   what is stored
``leasing``  how an account's lease grows                                    ``refusals``  why there is no money, and what to do
``spending`` what missions and days have spent                               ``money``     micro-dollars as a person reads them

A mission's cap is leased to its accounts (one for each track, one for fusion), so that two tracks seldom write the same document;
an account that has used its lease up takes what nobody has leased, then what lies idle with the others, in the same transaction.
So money that is free is never refused. The day's cap is one document for each UTC day, which every reservation and settlement
writes; a reservation keeps its day, so that a settlement after midnight goes back to where the money was taken.

**Nothing expires.** Only money that is set aside for a request which was never sent may become free by itself, and there is none: the
reservation and the journal's SENT are one commit, so whatever is reserved may have been spent at the provider. What never gets an
answer is settled at its bound (UNKNOWN) when its slice runs again; until then it stays reserved, which the caps count alike. A lease
is no such hold: its idle part is anybody's of the mission, and it is given up when the mission ends.
"""
