"""A Neo4j community server, as ``scripts/components neo4j`` gets it: the server's own main class, Bolt alone, on this machine alone."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from infra.local.emulated.component import INSTALLED, Component, Missing, answers_tcp, java
from infra.local.emulated.ports import HOST
from shared.errors import Unavailable

_LIBRARY = INSTALLED / "neo4j" / "lib"
_SERVER = "org.neo4j.server.CommunityEntryPoint"
_ADMIN = "org.neo4j.cli.AdminTool"
_SMALL = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""A small server that is up soon, rather than one that is fast after an hour."""
_OPENED = tuple(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent"))
"""What the server's own start script opens to it."""
_PASSWORD_LIMIT_S = 120
_CONFIGURATION = """\
server.directories.data={home}/data
server.directories.logs={home}/logs
server.directories.run={home}/run
server.directories.transaction.logs.root={home}/data/transactions
server.default_listen_address={host}
server.bolt.listen_address={host}:{port}
server.bolt.advertised_address={host}:{port}
server.bolt.connection_keep_alive=5s
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
server.http.enabled=false
server.https.enabled=false
server.memory.pagecache.size=64m
db.tx_log.rotation.retention_policy=1 files
db.tx_log.preallocate=false
dbms.security.auth_enabled=true
dbms.usage_report.enabled=false
server.config.strict_validation.enabled=true
{more}"""
"""Bolt's end waits for no quiet period, 5 s each of its two servers: it would be killed before, and would have to recover."""


class Neo4jServer(Component):
    """Neo4j with one database, ``neo4j``. What was stored is there after a restart, and so is the password in ``home``."""

    name = "neo4j"
    start_limit_s = 180.0
    """A heavy start: 6 s of one core, and minutes where many share it."""
    user: ClassVar[str] = "neo4j"
    database: ClassVar[str] = "neo4j"

    def __init__(self, home: Path, *, port: int | None = None, heap_mb: int = 512, settings: Mapping[str, str] | None = None) -> None:
        """``settings`` go into the server's configuration file as they are."""
        super().__init__(home.absolute(), port=port)
        self._heap_mb = heap_mb
        self._settings = dict(settings or {})

    @property
    def uri(self) -> str:
        """As ``KIMERA_NEO4J_URI`` takes it."""
        return f"bolt://{self.address}"

    @property
    def password(self) -> str:
        """Of ``user``; made for this very folder."""
        kept = self.home / "password"
        if not kept.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            kept.touch(mode=0o600)
            kept.write_text(secrets.token_urlsafe(18))
        return kept.read_text()

    def command(self) -> Sequence[str]:
        program = self._java()
        self._configure()
        if not (self.home / "data" / "dbms").exists():
            self._set_password()
        folders = (f"--home-dir={self.home}", f"--config-dir={self.home / 'conf'}")
        return (*program, f"-Xmx{self._heap_mb}m", *_OPENED, "-cp", f"{_LIBRARY}/*", _SERVER, *folders, "--console-mode")

    def require(self) -> None:
        self._java()

    def serves(self) -> bool:
        if not answers_tcp(self.port):
            return False
        from neo4j import GraphDatabase
        from neo4j.exceptions import DriverError, TransientError

        login = (self.user, self.password)
        with GraphDatabase.driver(self.uri, auth=login, connection_timeout=5, max_transaction_retry_time=0) as driver:
            try:
                driver.execute_query("RETURN 1", database_=self.database)
            except (DriverError, TransientError):
                return False
        return True

    def clear(self) -> None:
        """Remove all nodes; constraints and indexes stay."""
        from neo4j import GraphDatabase

        with GraphDatabase.driver(self.uri, auth=(self.user, self.password)) as driver, driver.session(database=self.database) as session:
            session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS").consume()

    def _java(self) -> tuple[str, ...]:
        if not any(_LIBRARY.glob("neo4j-5.*.jar")):
            raise Missing("Neo4j is missing in this checkout.", remedy="scripts/components neo4j")
        return (java("Neo4j"), *_SMALL)

    def _configure(self) -> None:
        for folder in ("conf", "data", "logs", "run"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        more = "".join(f"{name}={value}\n" for name, value in self._settings.items())
        written = _CONFIGURATION.format(home=self.home, host=HOST, port=self.port, more=more)
        (self.home / "conf" / "neo4j.conf").write_text(written)

    def _set_password(self) -> None:
        """Before its very first start, as the server wants it; it reads the file afterwards by itself."""
        command = (*self._java(), "-Xmx128m", "-cp", f"{_LIBRARY}/*", _ADMIN, "dbms", "set-initial-password", "--", self.password)
        where = {"NEO4J_HOME": str(self.home), "NEO4J_CONF": str(self.home / "conf")}
        done = subprocess.run(
            command, env=where, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PASSWORD_LIMIT_S, check=False
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-500:]
            raise Unavailable(f"Neo4j's password could not be set: {said}", remedy=f"Remove {self.home} and start again.")
