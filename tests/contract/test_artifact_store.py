"""What every ``ArtifactStore`` promises."""

from __future__ import annotations

import hashlib
import io
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.artifacts import SCHEME, Artifact, ArtifactStore
from shared.errors import AlreadyExists, BadInput, InputUnreadable, NotFound

KEY = "missions/m_1/report.md"
URI = SCHEME + KEY


def keys(store: ArtifactStore, prefix: str = "") -> list[str]:
    return [artifact.key for artifact in store.list(prefix)]


def test_what_is_put_is_read_back_and_described(artifacts: ArtifactStore) -> None:
    made = artifacts.put(KEY, b"text", media_type="text/markdown")
    assert made == Artifact(URI, hashlib.sha256(b"text").hexdigest(), 4, "text/markdown")
    assert artifacts.stat(URI) == made
    assert artifacts.get(URI) == b"text"


def test_nothing_is_an_artifact_too(artifacts: ArtifactStore) -> None:
    assert artifacts.put(KEY, b"").size == 0
    assert artifacts.get(URI) == b""


@pytest.mark.parametrize("size", [0, 4, 200_000])
def test_the_digest_is_that_of_the_bytes_themselves(artifacts: ArtifactStore, size: int) -> None:
    data = b"x" * size
    artifacts.put(KEY, data)
    assert artifacts.digest(URI) == hashlib.sha256(data).hexdigest()
    artifacts.delete_prefix(KEY)
    with pytest.raises(NotFound, match=r"report\.md"):
        artifacts.digest(URI)


def test_the_same_bytes_again_give_the_stored_one(artifacts: ArtifactStore) -> None:
    made = artifacts.put(KEY, b"text", media_type="text/markdown")
    assert artifacts.put(KEY, b"text", media_type="text/plain") == made
    assert artifacts.put(KEY, io.BytesIO(b"text")) == made


def test_other_bytes_are_refused_and_change_nothing(artifacts: ArtifactStore) -> None:
    made = artifacts.put(KEY, b"text")
    for other in (b"tex", b"text ", b""):
        with pytest.raises(AlreadyExists, match=r"report\.md"):
            artifacts.put(KEY, other)
    assert artifacts.stat(URI) == made
    assert artifacts.get(URI) == b"text"


def test_of_several_at_once_one_is_stored_and_the_others_are_told(artifacts: ArtifactStore) -> None:
    for round_ in range(10):
        outcomes: list[Artifact | AlreadyExists] = []
        start = threading.Barrier(4)

        def put(
            text: bytes, key: str = f"race/{round_}", start: threading.Barrier = start, into: list[Artifact | AlreadyExists] = outcomes
        ) -> None:
            start.wait()
            try:
                into.append(artifacts.put(key, text))
            except AlreadyExists as error:
                into.append(error)

        threads = [threading.Thread(target=put, args=(text,)) for text in (b"one", b"one", b"two", b"two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = artifacts.stat(f"{SCHEME}race/{round_}")
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyExists"] * 2 + ["Artifact"] * 2
        assert all(outcome == won for outcome in outcomes if isinstance(outcome, Artifact))


def test_a_stream_is_read_in_pieces(artifacts: ArtifactStore) -> None:
    class Pieces(io.RawIOBase):
        """Gives 40 MB and refuses to be read whole."""

        left = 40 << 20

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= 8 << 20
            taken = min(size, self.left)
            self.left -= taken
            return b"\0" * taken

    made = artifacts.put(KEY, Pieces())  # type: ignore[arg-type]  # a stream as far as reading goes
    assert made.size == 40 << 20


def test_a_stream_that_breaks_leaves_nothing(artifacts: ArtifactStore) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise ValueError("broken")
            return super().read(10)

    with pytest.raises(ValueError, match="broken"):
        artifacts.put(KEY, Broken(b"x" * 100))
    assert keys(artifacts) == []
    assert artifacts.put(KEY, b"whole").size == 5


def test_a_file_is_copied_and_may_change_afterwards(artifacts: ArtifactStore, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n1,2\n")
    made = artifacts.put_file(KEY, path, media_type="text/csv")
    path.write_bytes(b"changed!")
    assert artifacts.get(URI) == b"a,b\n1,2\n"
    assert artifacts.stat(URI) == made
    path.unlink()
    assert artifacts.get(URI) == b"a,b\n1,2\n"


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_read_is_named(artifacts: ArtifactStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputUnreadable, match=str(tmp_path)):
        artifacts.put_file(KEY, tmp_path / name)


def test_a_local_copy_has_the_bytes_the_name_and_no_right_to_write(artifacts: ArtifactStore, tmp_path: Path) -> None:
    artifacts.put(KEY, b"text")
    path = artifacts.local_copy(URI, tmp_path)
    assert path.read_bytes() == b"text"
    assert path.name == "report.md"
    assert path.stat().st_mode & 0o222 == 0


def test_two_local_copies_of_one_name_are_two_files(artifacts: ArtifactStore, tmp_path: Path) -> None:
    for key in ("a/data.csv", "b/data.csv"):
        artifacts.put(key, key.encode())
    paths = [artifacts.local_copy(f"{SCHEME}{key}", tmp_path) for key in ("a/data.csv", "b/data.csv", "a/data.csv")]
    assert [path.read_bytes() for path in paths] == [b"a/data.csv", b"b/data.csv", b"a/data.csv"]


def test_what_is_not_there_is_not_found(artifacts: ArtifactStore, tmp_path: Path) -> None:
    artifacts.put("missions/m_1/a/b", b"")
    for uri in (URI, SCHEME + "missions", SCHEME + "missions/m_1", SCHEME + "missions/m_1/a/b/c"):
        for use in (
            artifacts.stat,
            artifacts.get,
            lambda uri: artifacts.local_copy(uri, tmp_path),
            lambda uri: artifacts.link(uri, seconds=60),
        ):
            with pytest.raises(NotFound) as missing:
                use(uri)
            key = uri.removeprefix(SCHEME)
            assert missing.value.place == key
            assert ("/" in str(missing.value)) is False, "reports and answers repeat what it says, and are to name no key"


def test_a_link_opens(artifacts: ArtifactStore) -> None:
    artifacts.put("a b/ž#?.html", b"text")
    link = artifacts.link(f"{SCHEME}a b/ž#?.html", seconds=60)
    assert "#" not in link and " " not in link
    with urllib.request.urlopen(link, timeout=10) as answer:
        assert answer.read() == b"text"
    artifacts.delete_prefix("a b/")
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(link, timeout=10)


def test_a_list_is_by_key_and_its_prefix_is_text(artifacts: ArtifactStore) -> None:
    stored = ["a", "a-b", "a/b", "a/b.c", "a/b/c", "a/c", "ab/c", "b", "ž/🐎"]
    for key in reversed(stored):
        artifacts.put(key, key.encode())
    assert keys(artifacts) == sorted(stored)
    for prefix in ("a", "a/", "a/b", "a/b/", "a/b.", "ab", "c", "a/b/c", "a/b/c/"):
        assert keys(artifacts, prefix) == sorted(key for key in stored if key.startswith(prefix)), prefix


def test_deleting_a_prefix_removes_just_that(artifacts: ArtifactStore) -> None:
    for key in ("missions/m_1/a", "missions/m_1/b/c", "missions/m_10/a", "missions/m_2/a"):
        artifacts.put(key, b"x")
    assert artifacts.delete_prefix("missions/m_1/") == 2
    assert keys(artifacts) == ["missions/m_10/a", "missions/m_2/a"]
    assert artifacts.delete_prefix("missions/m_1/") == 0
    artifacts.put("missions/m_1/a", b"other")
    assert artifacts.get(f"{SCHEME}missions/m_1/a") == b"other"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "./a",
        "a/.",
        "a\0b",
        "a\nb",
        "\x7f",
        "\x85",
        "a@",
        "a@/b",
        "x" * 201,
        "x/" * 600 + "x",
        "\ud800",
    ],
)
def test_a_key_that_leads_elsewhere_is_refused(artifacts: ArtifactStore, tmp_path: Path, key: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    for use in (
        lambda: artifacts.put(key, b"x"),
        lambda: artifacts.put_file(key, source),
        lambda: artifacts.get(SCHEME + key),
        lambda: artifacts.stat(SCHEME + key),
    ):
        with pytest.raises(BadInput):
            use()


def test_a_store_that_works_says_so_and_can_be_closed_twice(artifacts: ArtifactStore) -> None:
    artifacts.check()
    artifacts.close()
    artifacts.close()


@pytest.mark.parametrize("uri", ["", KEY, "file:///etc/passwd", "gs://bucket/key", "ARTIFACT:a"])
def test_an_address_of_something_else_is_refused(artifacts: ArtifactStore, uri: str) -> None:
    with pytest.raises(BadInput, match="artifact:"):
        artifacts.get(uri)


@pytest.mark.parametrize("media_type", ["", "text/csv\r\nX: y", "ž", "x" * 256])
def test_a_media_type_that_would_break_a_header_is_refused(artifacts: ArtifactStore, media_type: str) -> None:
    with pytest.raises(BadInput):
        artifacts.put(KEY, b"", media_type=media_type)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/"), min_size=1, max_size=20), min_size=1, max_size=4
    ),
    data=st.binary(max_size=100),
)
def test_any_plain_key_holds_any_bytes(artifacts: ArtifactStore, parts: list[str], data: bytes) -> None:
    if any(part in (".", "..") or part.endswith("@") for part in parts):
        return
    key = "/".join(parts)
    artifacts.delete_prefix("")
    artifacts.put(key, data)
    assert artifacts.get(SCHEME + key) == data
    assert keys(artifacts) == [key]


def test_what_waits_for_a_document_is_there_for_who_put_it(artifacts: ArtifactStore, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"state").hexdigest()
    key = f"missions/m_1/{digest[:16]}/state.json"
    made = artifacts.put(key, b"state", media_type="application/json", with_document=True)
    assert made == Artifact(SCHEME + key, digest, 5, "application/json")
    assert artifacts.put(key, b"state", media_type="text/plain", with_document=True) == made
    assert artifacts.put(key, b"state", media_type="text/plain") == made
    with pytest.raises(AlreadyExists):
        artifacts.put(key, b"other")
    artifacts.settle()
    assert artifacts.stat(made.uri) == made
    assert artifacts.get(made.uri) == b"state"
    assert artifacts.local_copy(made.uri, tmp_path).read_bytes() == b"state"
    assert keys(artifacts, "missions/") == [key]
    assert artifacts.digest(made.uri) == digest
    assert artifacts.delete_prefix("missions/m_1/") == 1
    with pytest.raises(NotFound):
        artifacts.get(made.uri)
