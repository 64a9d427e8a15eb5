"""What is particular to documents in Firestore: a database that cannot be reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.adapters.firestore_documents import FirestoreDocuments
from shared.documents import Ref
from shared.errors import Unavailable


def test_a_database_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9")  # the discard port: nobody listens
    store = FirestoreDocuments("some-project", "some-database")
    with pytest.raises(Unavailable, match="some-project/some-database"):
        store.put(Ref("things", "a"), {})
    store.close()


def test_missing_credentials_are_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(Unavailable, match="gcloud auth"):
        FirestoreDocuments("some-project")
