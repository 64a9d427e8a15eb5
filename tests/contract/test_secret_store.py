"""The ``SecretStore`` port, on every adapter: the environment, and Secret Manager through its client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import grpc
import pytest

from shared.adapters.google_errors import fault
from shared.adapters.google_secrets import KEPT_S, GoogleSecrets
from shared.adapters.resilience import Resilience
from shared.errors import BadInput, Corrupt, KimeraError, SecretExpired, SecretForbidden, SecretMissing, Unavailable
from shared.secrets import GEMINI_API_KEY, NEO4J_READER, EnvironmentSecrets, SecretStore
from tests.support.clock import FrozenClock
from tests.support.secret_manager import SecretManager

NAMES: Mapping[str, str] = {GEMINI_API_KEY: "kimera-gemini", NEO4J_READER: "kimera-neo4j-reader"}


@pytest.fixture
def manager() -> Iterator[SecretManager]:
    made = SecretManager()
    yield made
    made.close()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


def google(endpoint: str, clock: FrozenClock, resources: Mapping[str, str] = NAMES) -> GoogleSecrets:
    def resilience(name: str) -> Resilience:
        return Resilience(name, judge=fault, clock=clock, uniform=lambda: 0.0)

    return GoogleSecrets("p", resources, clock, endpoint=endpoint, resilience=resilience)


@pytest.fixture
def cloud(manager: SecretManager, clock: FrozenClock) -> Iterator[GoogleSecrets]:
    made = google(manager.address, clock)
    yield made
    made.close()


@pytest.fixture(params=["environment", "Secret Manager"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[SecretStore, Callable[[str, str], None]]:
    """A store, and what gives one of its secrets a new value."""
    if request.param == "environment":
        environment: dict[str, str] = {}

        def put(name: str, value: str) -> None:
            environment[name.upper().replace("-", "_")] = value

        return EnvironmentSecrets(environment, tmp_path / ".env"), put
    manager: SecretManager = request.getfixturevalue("manager")
    return request.getfixturevalue("cloud"), lambda name, value: manager.add(f"projects/p/secrets/{NAMES[name]}", value)


Store = tuple[SecretStore, Callable[[str, str], None]]


def test_a_secret_is_given_by_its_name(store: Store) -> None:
    secrets, put = store
    put(GEMINI_API_KEY, "g")
    put(NEO4J_READER, "é ?")
    assert (secrets.get(GEMINI_API_KEY), secrets.get(NEO4J_READER)) == ("g", "é ?")


def test_one_that_is_not_there_is_named_with_the_remedy(store: Store) -> None:
    with pytest.raises(SecretMissing, match="gemini") as caught:
        store[0].get(GEMINI_API_KEY)
    assert caught.value.remedy


def test_once_renewed_the_new_value_is_given(store: Store) -> None:
    secrets, put = store
    put(GEMINI_API_KEY, "old")
    secrets.get(GEMINI_API_KEY)
    put(GEMINI_API_KEY, "new")
    assert (secrets.renew(GEMINI_API_KEY), secrets.get(GEMINI_API_KEY)) == ("new", "new")


class TestEnvironment:
    def test_the_environment_is_stronger_than_the_file_and_our_own_prefix_is_understood(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("GEMINI_API_KEY=file\nKIMERA_NEO4J_READER='from the file'\n")
        secrets = EnvironmentSecrets({"GEMINI_API_KEY": "environment"}, tmp_path / ".env")
        assert (secrets.get(GEMINI_API_KEY), secrets.get(NEO4J_READER)) == ("environment", "from the file")


class TestSecretManager:
    def test_a_value_is_kept_for_a_while_and_then_read_again(
        self, cloud: GoogleSecrets, manager: SecretManager, clock: FrozenClock
    ) -> None:
        manager.add("projects/p/secrets/kimera-gemini", "old")
        cloud.get(GEMINI_API_KEY)
        manager.add("projects/p/secrets/kimera-gemini", "new")
        clock.advance(KEPT_S - 1)
        assert (cloud.get(GEMINI_API_KEY), len(manager.asked)) == ("old", 1)
        clock.advance(1)
        assert (cloud.get(GEMINI_API_KEY), len(manager.asked)) == ("new", 2)

    def test_while_the_service_is_away_the_last_value_goes_on(
        self, cloud: GoogleSecrets, manager: SecretManager, clock: FrozenClock
    ) -> None:
        manager.add("projects/p/secrets/kimera-gemini", "old")
        cloud.get(GEMINI_API_KEY)
        clock.advance(KEPT_S)
        manager.refuse += [grpc.StatusCode.UNAVAILABLE] * 4
        assert cloud.get(GEMINI_API_KEY) == "old"

    def test_a_pinned_version_and_another_project_are_asked_for(self, manager: SecretManager, clock: FrozenClock) -> None:
        for value in ("one", "two"):
            manager.add("projects/other/secrets/key", value)
        secrets = google(manager.address, clock, {"a": "projects/other/secrets/key/versions/1", "b": "projects/other/secrets/key"})
        assert (secrets.get("a"), secrets.get("b")) == ("one", "two")
        secrets.close()

    def test_a_line_break_at_the_end_is_no_part_of_it(self, cloud: GoogleSecrets, manager: SecretManager) -> None:
        manager.add("projects/p/secrets/kimera-gemini", "key\n")
        assert cloud.get(GEMINI_API_KEY) == "key"

    def test_a_failure_that_passes_is_not_noticed(self, cloud: GoogleSecrets, manager: SecretManager) -> None:
        manager.add("projects/p/secrets/kimera-gemini", "key")
        manager.refuse += [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]
        assert cloud.get(GEMINI_API_KEY) == "key"

    @pytest.mark.parametrize(
        ("status", "expected", "said"),
        [
            (grpc.StatusCode.NOT_FOUND, SecretMissing, "projects/p/secrets/kimera-gemini/versions/latest"),
            (grpc.StatusCode.FAILED_PRECONDITION, SecretExpired, "enable this one"),
            (grpc.StatusCode.PERMISSION_DENIED, SecretForbidden, "roles/secretmanager.secretAccessor"),
            (grpc.StatusCode.UNAUTHENTICATED, SecretForbidden, "roles/secretmanager.secretAccessor"),
        ],
    )
    def test_what_keeps_it_from_us_has_its_own_error(
        self, cloud: GoogleSecrets, manager: SecretManager, status: grpc.StatusCode, expected: type[KimeraError], said: str
    ) -> None:
        manager.refuse += [status]
        with pytest.raises(expected) as caught:
            cloud.get(GEMINI_API_KEY)
        assert said in str(caught.value)

    def test_a_version_that_was_disabled_is_not_used_any_longer_than_it_is_kept(
        self, cloud: GoogleSecrets, manager: SecretManager, clock: FrozenClock
    ) -> None:
        manager.add("projects/p/secrets/kimera-gemini", "leaked")
        cloud.get(GEMINI_API_KEY)
        manager.disabled.add("projects/p/secrets/kimera-gemini/versions/1")
        clock.advance(KEPT_S)
        for _ in range(2):
            with pytest.raises(SecretExpired):
                cloud.get(GEMINI_API_KEY)

    def test_damaged_bytes_are_not_taken_for_the_key(self, cloud: GoogleSecrets, manager: SecretManager) -> None:
        manager.add("projects/p/secrets/kimera-gemini", "key")
        manager.damaged = True
        with pytest.raises(Corrupt):
            cloud.get(GEMINI_API_KEY)

    def test_a_service_that_is_away_is_named(self, clock: FrozenClock) -> None:
        secrets = google("127.0.0.1:9", clock)
        with pytest.raises(Unavailable, match=r"Secret Manager at 127\.0\.0\.1:9 cannot be reached"):
            secrets.get(GEMINI_API_KEY)
        secrets.close()

    def test_a_setting_that_names_no_secret_is_refused(self, clock: FrozenClock) -> None:
        with pytest.raises(BadInput, match="KIMERA_SECRETS"):
            google("127.0.0.1:9", clock, {"a": "not/a/secret"})

    def test_without_credentials_google_is_not_called_and_the_remedy_is_told(
        self, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        secrets = google("secretmanager.example.com:443", clock)
        with pytest.raises(Unavailable, match="application-default login"):
            secrets.get(GEMINI_API_KEY)
