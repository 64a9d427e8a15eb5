"""What only the Neo4j adapter promises: its indexes, READ transactions, one transaction for a promotion, and errors that say what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from neo4j import GraphDatabase, ManagedTransaction

from infra.local.doctor_cloud import examine_knowledge
from infra.local.emulated.neo4j import Neo4jServer
from infra.local.emulated.ports import free_port
from shared.adapters import neo4j_cypher as cypher
from shared.adapters.neo4j_connection import Neo4jConnection
from shared.adapters.neo4j_knowledge import Neo4jKnowledge
from shared.adapters.neo4j_schema import STATEMENTS, index_states, prepare
from shared.errors import BadInput, KimeraError, Unavailable
from shared.knowledge.port import Edge, Node, QueryTerm, Scope
from shared.knowledge.terms import query_terms
from shared.runtime import Runtime
from shared.settings import Settings
from tests.contract.test_knowledge_graph import document
from tests.support.graphs import IMPATIENT, neo4j_connection, neo4j_graph

SPACE = Scope("grace", "climate")
MISSION = Scope("grace", "climate", "m_1")


@pytest.fixture
def connection(neo4j_server: Neo4jServer) -> Iterator[Neo4jConnection]:
    """A prepared database without nodes."""
    neo4j_server.clear()
    opened = neo4j_connection(neo4j_server)
    prepare(opened)
    yield opened
    opened.close()


@pytest.fixture
def graph(connection: Neo4jConnection) -> Neo4jKnowledge:
    return Neo4jKnowledge(connection)


def count(connection: Neo4jConnection, pattern: str) -> int:
    def work(tx: ManagedTransaction) -> int:
        row = tx.run(f"MATCH {pattern} RETURN count(*) AS n").single(strict=True)
        return int(row["n"])

    return connection.read(work)


def drop_indexes(connection: Neo4jConnection) -> None:
    def work(tx: ManagedTransaction) -> None:
        for name in STATEMENTS:
            tx.run(f"DROP {'CONSTRAINT' if name == 'kimera_node' else 'INDEX'} {name} IF EXISTS").consume()

    connection.write(work)


def test_constraints_and_indexes_are_made_once_whoever_comes_first(connection: Neo4jConnection) -> None:
    drop_indexes(connection)
    assert set(index_states(connection).values()) == {"MISSING"}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: prepare(connection), range(4)))

    assert set(index_states(connection).values()) == {"ONLINE"}


def test_reading_may_not_write(connection: Neo4jConnection) -> None:
    with pytest.raises(Unavailable, match="read access mode"):
        connection.read(lambda tx: tx.run("CREATE (:Stray)").consume())
    assert count(connection, "(n:Stray)") == 0


def test_every_statement_finds_its_nodes_through_an_index(connection: Neo4jConnection) -> None:
    """A scan of all nodes would make a mission slower with every other owner's documents."""
    given = {
        "rows": [],
        "keys": ["a"],
        "key": "a",
        "scope": "s",
        "scopes": ["s"],
        "kind": "Chunk",
        "owner": "o",
        "expression": "scope:s AND words:a",
    }
    statements = [
        *cypher.MERGE_MISSION.values(),
        *cypher.MERGE_GLOBAL.values(),
        *cypher.MERGE_EDGES.values(),
        *(getattr(cypher, name) for name in ("NODE", "NODES", "EDGES", "EDGES_FROM", "STATISTICS", "PRESENT", "NEIGHBOURS", "EDGES_AMONG")),
        *(cypher.NODES_OF_DOCUMENTS, cypher.DELETE_SCOPE, cypher.SPACES, cypher.REMOVE_DOCUMENTS),
    ]
    for statement in statements:

        def explain(tx: ManagedTransaction, statement: str = statement) -> str:
            return str(tx.run(f"EXPLAIN {statement}", given).consume().plan)

        plan = connection.write(explain)
        assert "IndexSeek" in plan, statement
        assert "AllNodesScan" not in plan and "LabelScan" not in plan, statement


def test_what_a_mission_read_is_labelled_apart_from_what_its_space_knows(graph: Neo4jKnowledge, connection: Neo4jConnection) -> None:
    graph.upsert(MISSION, *document("d", "Snow fell."))
    assert (count(connection, "(n:MissionKnowledge)"), count(connection, "(n:GlobalKnowledge)")) == (2, 0)

    graph.promote(MISSION, ["d"])

    assert (count(connection, "(n:MissionKnowledge)"), count(connection, "(n:GlobalKnowledge)")) == (2, 2)
    assert count(connection, "(:MissionKnowledge)--(:GlobalKnowledge)") == 0


def test_a_promotion_that_breaks_off_leaves_nothing_in_the_space(graph: Neo4jKnowledge, connection: Neo4jConnection) -> None:
    """A constraint of the test makes the server refuse the promotion's last nodes, its terms, after it took the others."""
    nodes, edges = document("d", "Snow fell.", "Ice broke.")
    graph.upsert(MISSION, [*nodes, Node("term:snow", "Term", "snow")], [*edges, Edge("chunk:d:0", "term:snow", "MENTIONS")])
    only_one = "CREATE CONSTRAINT only_one FOR (n:Term) REQUIRE n.text IS UNIQUE"
    connection.write(lambda tx: tx.run(only_one).consume())
    try:
        with pytest.raises(Unavailable, match="ConstraintValidationFailed"):
            graph.promote(MISSION, ["d"])
    finally:
        connection.write(lambda tx: tx.run("DROP CONSTRAINT only_one").consume())

    assert graph.spaces("grace") == []
    assert list(graph.edges(SPACE)) == []
    assert graph.promote(MISSION, ["d"]) == 4


def test_two_who_write_the_same_make_it_once(graph: Neo4jKnowledge, connection: Neo4jConnection) -> None:
    nodes, edges = document("d", *[f"Snow number {i} fell." for i in range(20)])
    together = threading.Barrier(4)

    def write(_: int) -> None:
        together.wait()
        graph.upsert(SPACE, list(reversed(nodes)), list(reversed(edges)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    assert count(connection, "(n:Knowledge)") == len(nodes)
    assert count(connection, "()-[r]->()") == len(edges)


def test_an_edge_may_come_before_its_ends(graph: Neo4jKnowledge) -> None:
    graph.upsert(SPACE, [], [Edge("a", "b", "ABOUT")])
    assert list(graph.edges(SPACE)) == [Edge("a", "b", "ABOUT")]
    assert graph.node(SPACE, "a") is None
    graph.upsert(SPACE, [Node("a", "Thought", "so")], [])
    assert graph.node(SPACE, "a") == Node("a", "Thought", "so")
    assert graph.delete(SPACE) == 1


def test_a_node_may_change_its_kind(graph: Neo4jKnowledge) -> None:
    graph.upsert(SPACE, [Node("x", "Chunk", "Snow", "d", ("snow",))], [])
    graph.upsert(SPACE, [Node("x", "Hypothesis", "Snow")], [])
    assert graph.search(query_terms("snow"), k=3, scopes=[SPACE]) == []
    assert [node.id for node in graph.nodes(SPACE, "Hypothesis")] == ["x"]


def test_long_and_odd_texts_come_back_as_they_were(graph: Neo4jKnowledge) -> None:
    text = "Größe 数据 👩\u200d🔬 \0 \u2028 ' \" ` $ { } \\ " * 4_000
    word = "x" * 20_000
    nodes = [Node("d", "Document", text, properties={"k": text, "n": [1.5, None, {"a": True}]}), Node(f"term:{word}", "Term", word)]
    nodes.append(Node("c", "Chunk", text, "d", (word, "snow")))
    graph.upsert(SPACE, nodes, [Edge("c", f"term:{word}", "MENTIONS", 0.5)])
    assert graph.node(SPACE, "d") == nodes[0]
    assert graph.node(SPACE, f"term:{word}") == nodes[1]
    assert graph.neighbourhood(["c"], hops=1, scopes=[SPACE]).nodes == ("c", f"term:{word}")
    assert [hit.node for hit in graph.search([QueryTerm((word,))], k=1, scopes=[SPACE])] == [nodes[2]]
    assert [hit.node for hit in graph.search([QueryTerm((word[:500],), prefix=True)], k=1, scopes=[SPACE])] == [nodes[2]]


def test_a_question_of_a_thousand_words_is_asked(graph: Neo4jKnowledge) -> None:
    graph.upsert(SPACE, *document("d", "Snow fell."))
    words = [QueryTerm((f"word{i}", f"other{i}")) for i in range(1_000)]
    assert [hit.node.id for hit in graph.search([*words, QueryTerm(("snow",))], k=3, scopes=[SPACE])] == ["chunk:d:0"]


def test_half_a_character_is_refused_and_named(graph: Neo4jKnowledge) -> None:
    with pytest.raises(BadInput, match="half of a character"):
        graph.upsert(SPACE, [Node("d", "Document", "broken \ud800")], [])
    assert graph.node(SPACE, "d") is None


def test_a_wrong_password_is_said_without_it(neo4j_server: Neo4jServer) -> None:
    opened = neo4j_connection(neo4j_server, password="guessed-it", patience=IMPATIENT)
    with pytest.raises(Unavailable, match="refuses the login of neo4j") as caught:
        index_states(opened)
    assert "KIMERA_NEO4J_PASSWORD" in caught.value.remedy
    assert "guessed-it" not in str(caught.value)
    opened.close()


@pytest.fixture
def rotate(neo4j_server: Neo4jServer) -> Iterator[Callable[[str], None]]:
    """Changes the server's password; afterwards it is the old one again."""
    first, kept = neo4j_server.password, neo4j_server.home / "password"

    def change(password: str) -> None:
        with GraphDatabase.driver(neo4j_server.uri, auth=(neo4j_server.user, neo4j_server.password)) as driver:
            sides = {"old": neo4j_server.password, "new": password}
            driver.execute_query("ALTER CURRENT USER SET PASSWORD FROM $old TO $new", sides, database_="system")
        kept.write_text(password)

    yield change
    change(first)


def test_a_rotated_password_is_read_anew_by_who_runs(neo4j_server: Neo4jServer, rotate: Callable[[str], None]) -> None:
    read: list[str] = []

    def renewed() -> str:
        read.append(neo4j_server.password)
        return neo4j_server.password

    opened = neo4j_connection(neo4j_server, renewed=renewed)
    index_states(opened)
    rotate("another-long-one")
    opened.read(lambda _: index_states(opened))  # the connection that there is stays good: this needs a second one
    assert read == ["another-long-one"]
    opened.close()


def test_a_password_that_stays_wrong_is_refused_once_and_the_next_call_asks_for_another(neo4j_server: Neo4jServer) -> None:
    secret = ["guessed-it"]
    opened = neo4j_connection(neo4j_server, password="guessed-it", renewed=lambda: secret[-1])
    with pytest.raises(Unavailable, match="refuses the login of neo4j"):  # once: after a third time the server would refuse all for a while
        index_states(opened)
    secret.append(neo4j_server.password)
    index_states(opened)
    opened.close()


def test_a_database_that_is_not_there_is_named(neo4j_server: Neo4jServer) -> None:
    opened = neo4j_connection(neo4j_server, database="nowhere", patience=IMPATIENT)
    with pytest.raises(Unavailable, match=r"database nowhere.*KIMERA_NEO4J_DATABASE"):
        index_states(opened)
    opened.close()


def test_a_server_that_is_down_is_named(neo4j_server: Neo4jServer) -> None:
    port = free_port()
    opened = neo4j_connection(neo4j_server, uri=f"bolt://127.0.0.1:{port}", patience=IMPATIENT)
    with pytest.raises(Unavailable, match=rf"127\.0\.0\.1:{port}, database neo4j.*cannot be reached.*KIMERA_NEO4J_URI"):
        index_states(opened)
    opened.close()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("bolt://graph.example.org:7687", "without TLS"),
        ("neo4j://10.0.0.7", "without TLS"),
        ("http://127.0.0.1:7474", "begins with http"),
        ("graph.example.org", "begins with no scheme"),
        ("neo4j+s://ada@graph.example.org", "holds a login"),
        ("bolt://[::1", "cannot be read"),
    ],
)
def test_an_address_that_must_not_be_used_is_refused(neo4j_server: Neo4jServer, uri: str, said: str) -> None:
    with pytest.raises(Unavailable, match=said) as caught:
        neo4j_connection(neo4j_server, uri=uri)
    assert "KIMERA_NEO4J" in caught.value.remedy
    assert "ada" not in str(caught.value)


def test_a_server_that_hangs_is_given_up(neo4j_server: Neo4jServer) -> None:
    graph = neo4j_graph(neo4j_server, IMPATIENT)
    graph.upsert(SPACE, *document("d", "Snow fell."))
    neo4j_server.pause()
    try:
        with pytest.raises(Unavailable, match="cannot be reached"):
            graph.node(SPACE, "d")
    finally:
        neo4j_server.resume()
    assert neo4j_graph(neo4j_server).node(SPACE, "d") is not None
    graph.close()


def test_a_server_that_died_is_found_again_with_what_it_held(neo4j_server: Neo4jServer) -> None:
    neo4j_server.clear()
    graph = neo4j_graph(neo4j_server, IMPATIENT)
    graph.upsert(SPACE, *document("d", "Snow fell."))
    before = graph.search(query_terms("snow"), k=3, scopes=[SPACE])

    neo4j_server.kill()
    try:
        with pytest.raises(Unavailable, match="cannot be reached"):
            graph.search(query_terms("snow"), k=3, scopes=[SPACE])
    finally:
        neo4j_server.start()

    assert graph.search(query_terms("snow"), k=3, scopes=[SPACE]) == before
    graph.upsert(SPACE, *document("e", "Ice broke."))
    assert graph.node(SPACE, "e") is not None
    graph.close()


def test_a_read_only_database_is_searched_and_says_why_it_takes_no_writes(
    neo4j_server: Neo4jServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = neo4j_graph(neo4j_server)
    writer.upsert(SPACE, *document("d", "Snow fell."))
    writer.close()
    neo4j_server.stop()
    assert neo4j_server.log.read_text().rstrip().endswith("Stopped."), "it ended by itself, and has nothing to recover"
    read_only = Neo4jServer(neo4j_server.home, port=neo4j_server.port, settings={"server.databases.read_only": "neo4j"})
    try:
        with read_only:
            graph = neo4j_graph(read_only, IMPATIENT)
            assert graph.search(query_terms("snow"), k=3, scopes=[SPACE]) != []
            with pytest.raises(Unavailable, match="takes no writes: it is read-only"):
                graph.upsert(SPACE, *document("e", "Ice broke."))
            graph.close()
            (found, indexes) = examine_knowledge(configured(read_only, monkeypatch))
            assert (found.verdict, indexes.verdict) == ("missing", "ok")
            assert "read-only" in found.detail and "writable" in found.remedy
    finally:
        neo4j_server.start()


def configured(server: Neo4jServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KIMERA_NEO4J_PASSWORD", server.password)
    return Settings(profile="cloud", neo4j_uri=server.uri, neo4j_user=server.user, google_project="p")


def test_doctor_says_version_edition_access_and_whether_the_indexes_are_online(
    neo4j_server: Neo4jServer, connection: Neo4jConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found, indexes) = examine_knowledge(configured(neo4j_server, monkeypatch))
    assert (found.verdict, indexes.verdict) == ("ok", "ok")
    assert "5.26.0 community, read-write" in found.detail
    assert indexes.detail == f"all {len(STATEMENTS)} are online"

    drop_indexes(connection)
    try:
        (_, indexes) = examine_knowledge(configured(neo4j_server, monkeypatch))
        assert indexes.verdict == "note"
        assert set(index_states(connection).values()) == {"MISSING"}, "doctor changes nothing"
    finally:
        prepare(connection)


def test_the_cloud_profile_has_its_knowledge_on_neo4j(neo4j_server: Neo4jServer, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(configured(neo4j_server, monkeypatch))
    runtime.knowledge.upsert(SPACE, *document("d", "Snow fell."))
    assert runtime.knowledge.node(SPACE, "d") is not None
    runtime.close()


@pytest.mark.parametrize(("given", "named"), [({}, "KIMERA_NEO4J_URI"), ({"neo4j_uri": "bolt://127.0.0.1:1"}, "NEO4J_PASSWORD")])
def test_the_cloud_profile_names_the_setting_it_lacks(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str) -> None:
    monkeypatch.delenv("KIMERA_NEO4J_PASSWORD", raising=False)
    monkeypatch.delenv("NEO4J_PASSWORD", raising=False)
    with pytest.raises(KimeraError, match=named):
        _ = Runtime(Settings.model_validate({"profile": "cloud", **given})).knowledge
