"""What a whole run may spend: an attempt begins only where its own cap still fits."""

from __future__ import annotations

import threading


class RunBudget:
    """The most that all attempts together may cost, in micro-dollars; ``None``: only each attempt's own cap holds.

    An attempt takes its cap before it begins and gives back what it did not spend. Safe for threads.
    """

    def __init__(self, cap_micro_usd: int | None, *, spent_micro_usd: int = 0) -> None:
        self._cap = cap_micro_usd
        self._spent = spent_micro_usd
        self._taken = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def spent_micro_usd(self) -> int:
        """What ended attempts have cost."""
        with self._changed:
            return self._spent

    def take(self, cap_micro_usd: int) -> bool:
        """Set the attempt's cap aside. It waits while running attempts may still give back enough; false: it must not begin."""
        with self._changed:
            while not self._closed:
                if self._cap is None or self._spent + self._taken + cap_micro_usd <= self._cap:
                    self._taken += cap_micro_usd
                    return True
                if self._spent + cap_micro_usd > self._cap:
                    return False
                self._changed.wait()
            return False

    def give_back(self, cap_micro_usd: int, *, spent_micro_usd: int) -> None:
        """The attempt has ended."""
        with self._changed:
            self._taken -= cap_micro_usd
            self._spent += spent_micro_usd
            self._changed.notify_all()

    def close(self) -> None:
        """Let nothing begin any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
