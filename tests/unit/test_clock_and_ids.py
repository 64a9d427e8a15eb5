"""Time and ids come from what is passed in."""

from __future__ import annotations

import os
import random
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import OffsetClock, SystemClock
from shared.errors import BadInput
from shared.ids import Ids, new_id
from tests.support.clock import FrozenClock


def test_the_system_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_a_frozen_clock_moves_only_when_it_is_told_to_or_slept_on() -> None:
    clock = FrozenClock()
    start, began = clock.now(), clock.monotonic()
    clock.advance(2)
    clock.sleep(3)
    assert clock.now() - start == timedelta(seconds=5)
    assert clock.monotonic() - began == 5
    assert clock.slept == [3]
    assert clock.now().tzinfo is UTC


def test_an_id_is_its_prefix_and_a_lower_case_ulid() -> None:
    made = new_id("m", FrozenClock(), os.urandom)
    prefix, _, rest = made.partition("_")
    assert prefix == "m"
    assert len(rest) == 26
    assert made == made.lower()


@given(st.integers(min_value=1, max_value=10**10))
def test_a_later_id_sorts_behind_an_earlier_one(milliseconds: int) -> None:
    clock = FrozenClock()
    earlier = new_id("m", clock, lambda size: b"\xff" * size)
    clock.advance(milliseconds / 1000)
    assert earlier < new_id("m", clock, lambda size: b"\x00" * size)


def test_the_same_clock_and_randomness_give_the_same_ids() -> None:
    first, second = (Ids(FrozenClock(), random.Random(7).randbytes) for _ in range(2))
    made = [first.new("m") for _ in range(3)]
    assert made == [second.new("m") for _ in range(3)]
    assert len(set(made)) == 3


@pytest.mark.parametrize("held", [None, "", "an hour", "nan", "inf", "1e300"])
def test_an_offset_that_is_no_number_of_seconds_is_an_error_that_says_where(tmp_path: Path, held: str | None) -> None:
    offset = tmp_path / "offset"
    if held is not None:
        offset.write_text(held)
    with pytest.raises(BadInput, match=r"KIMERA_CLOCK_OFFSET names .*offset"):
        OffsetClock(offset)
