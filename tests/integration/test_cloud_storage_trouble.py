"""Cloud Storage while things die, a writer in mid-upload or the emulator in mid-use: nothing is there by half, and all goes on after."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.emulated.storage import StorageEmulator
from shared.adapters.cloud_storage_uploads import ONE_REQUEST
from shared.adapters.resilience import Patience
from shared.artifacts import SCHEME
from shared.errors import Corrupt, InputUnreadable, Unavailable
from tests.support.buckets import at, in_new_bucket
from tests.support.components import STORAGE, running

ROOT = Path(__file__).parents[2]
KEY = "missions/m_1/data.bin"
LARGE = bytes(range(256)) * (2 * ONE_REQUEST // 256)
IMPATIENT = Patience(timeout_s=5.0, deadline_s=2.0, tries=3, first_wait_s=0.05, failures=1_000)
pytestmark = [*STORAGE]


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[StorageEmulator]:
    """One of its own, in a folder: it may be killed."""
    yield from running(StorageEmulator(tmp_path / "storage"))


class HookedWhileSent(io.BytesIO):
    """Calls ``hook`` once, when half of it has been read for the second time: the first time it is measured, then it is sent."""

    def __init__(self, data: bytes, hook: Callable[[], None]) -> None:
        super().__init__(data)
        self._hook: Callable[[], None] | None = hook
        self._read = 0

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        self._read += len(piece)
        if self._hook and self._read > len(self.getbuffer()) * 3 // 2:
            hook, self._hook = self._hook, None
            hook()
        return piece


def test_a_writer_killed_in_mid_upload_leaves_nothing(storage_emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    store = in_new_bucket(storage_emulator, monkeypatch)
    command = [sys.executable, "-m", "tests.support.half_upload", storage_emulator.url, store.bucket.name, KEY]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "half\n"
        writer.kill()

    assert list(store.list("")) == []
    assert store.put(KEY, LARGE).size == len(LARGE)
    assert store.get(SCHEME + KEY) == LARGE


def test_while_it_is_down_its_bucket_is_named_and_afterwards_all_is_there(
    emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_new_bucket(emulator, monkeypatch, patience=IMPATIENT)
    store.put(KEY, b"before")
    emulator.kill()
    for use in (lambda: store.get(SCHEME + KEY), lambda: store.put("other", b""), lambda: list(store.list(""))):
        with pytest.raises(Unavailable, match=f"artifacts bucket {store.bucket.name} cannot be reached") as told:
            use()
        assert told.value.remedy

    emulator.start()
    assert store.get(SCHEME + KEY) == b"before"
    assert store.put(KEY, b"before").size == 6
    assert store.put("other", b"after").size == 5
    assert [artifact.key for artifact in store.list("")] == [KEY, "other"]


def test_an_upload_that_the_emulator_has_forgotten_begins_anew(emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    store = in_new_bucket(emulator, monkeypatch)

    def restart() -> None:
        emulator.kill()
        emulator.start()

    stream = HookedWhileSent(LARGE, restart)
    made = store.put(KEY, stream)
    assert stream._hook is None, "it was not restarted"
    assert made.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert store.get(SCHEME + KEY) == LARGE


def test_bytes_that_change_while_they_are_sent_are_not_stored(storage_emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    store = in_new_bucket(storage_emulator, monkeypatch)
    for data in (b"small" * 10, LARGE):
        stream = HookedWhileSent(data, lambda: None)

        def change(stream: HookedWhileSent = stream) -> None:
            stream.getbuffer()[-1] ^= 1

        stream._hook = change
        # The end of the second reading comes after its middle: for what is read at once, change it before.
        if len(data) < ONE_REQUEST:
            stream._read = len(data)
        with pytest.raises(InputUnreadable, match="changed"):
            store.put(KEY, stream)
        assert list(store.list("")) == []


def test_what_was_damaged_or_put_by_others_is_told(
    storage_emulator: StorageEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_new_bucket(storage_emulator, monkeypatch)
    metadata = {"x-goog-meta-sha256": hashlib.sha256(b"text").hexdigest()}
    _put_by_hand(storage_emulator, store.bucket.name, "damaged", b"tixt", metadata)
    _put_by_hand(storage_emulator, store.bucket.name, "strange", b"text", {})
    with pytest.raises(Corrupt, match="'damaged' is not what was stored"):
        store.get(f"{SCHEME}damaged")
    with pytest.raises(Corrupt, match="'damaged' is not what was stored"):
        store.local_copy(f"{SCHEME}damaged", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    with pytest.raises(Corrupt, match=r"'strange'.*not stored by KIMERA"):
        store.get(f"{SCHEME}strange")


def test_a_bucket_with_versions_keeps_none_of_what_is_deleted(storage_emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    store = in_new_bucket(storage_emulator, monkeypatch, versioned=True)
    name = store.bucket.name
    _put_by_hand(storage_emulator, name, KEY, b"an older version", {})
    store_url = f"{storage_emulator.url}/storage/v1/b/{name}/o"
    httpx.delete(f"{store_url}/{KEY.replace('/', '%2F')}").raise_for_status()
    store.put(KEY, b"the artifact")
    store.put("missions/m_2/data.bin", b"")
    assert len(httpx.get(store_url, params={"versions": "true"}).json()["items"]) == 3

    assert store.delete_prefix("missions/m_1/") == 1

    left = httpx.get(store_url, params={"versions": "true"}).json()["items"]
    assert [item["name"] for item in left] == ["missions/m_2/data.bin"]


def test_many_artifacts_are_listed_and_deleted_page_by_page(storage_emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.adapters.cloud_storage_artifacts.PAGE", 3)
    store = in_new_bucket(storage_emulator, monkeypatch)
    keys = [f"a/{number}" for number in range(8)]
    for key in reversed(keys):
        store.put(key, key.encode())
    assert [artifact.key for artifact in store.list("a/")] == keys
    assert store.delete_prefix("a/") == 8
    assert list(store.list("")) == []


def test_what_a_kill_left_half_written_in_the_emulator_is_gone_when_it_starts(
    emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_new_bucket(emulator, monkeypatch)
    store.put(KEY, b"whole")
    emulator.kill()
    (emulator.buckets / store.bucket.name / "missions" / "half").write_bytes(b"without a description")
    emulator.start()
    assert [artifact.key for artifact in store.list("")] == [KEY]
    assert at(emulator.url, store.bucket.name, monkeypatch).get(SCHEME + KEY) == b"whole"


def _put_by_hand(emulator: StorageEmulator, bucket: str, name: str, data: bytes, headers: dict[str, str]) -> None:
    address = f"{emulator.url}/upload/storage/v1/b/{bucket}/o"
    httpx.post(address, params={"uploadType": "media", "name": name}, content=data, headers=headers).raise_for_status()
