"""Codes of Neo4j that no test can make a server say, and what we make of them."""

from __future__ import annotations

import pytest
from neo4j.exceptions import Neo4jError

from shared.adapters.neo4j_errors import Place, judge, translating
from shared.adapters.resilience import Fault
from shared.errors import StorageFull, Unavailable

PLACE = Place("graph.example.org:7687", "neo4j", "ada")


@pytest.mark.parametrize(
    ("code", "kind", "fault", "said"),
    [
        ("Neo.ClientError.Cluster.NotALeader", Unavailable, Fault.PASSING, r"takes no writes.*finds the leader"),
        ("Neo.ClientError.Security.Forbidden", Unavailable, Fault.NONE, r"does not let ada.*role reader"),
        ("Neo.ClientError.Security.AuthenticationRateLimit", Unavailable, Fault.NONE, r"too many wrong passwords.*wait"),
        ("Neo.ClientError.Security.CredentialsExpired", Unavailable, Fault.NONE, r"wants a new password.*ALTER CURRENT USER"),
        ("Neo.TransientError.General.DatabaseUnavailable", Unavailable, Fault.OUTAGE, r"is stopped, or starts"),
        ("Neo.TransientError.Transaction.DeadlockDetected", Unavailable, Fault.PASSING, r"could not do it now.*Try again"),
        ("Neo.ClientError.Transaction.TransactionTimedOut", Unavailable, Fault.NONE, r"did not finish in time"),
        ("Neo.TransientError.General.MemoryPoolOutOfMemoryError", Unavailable, Fault.PASSING, r"too little memory"),
        ("Neo.DatabaseError.Transaction.TransactionCommitFailed", Unavailable, Fault.OUTAGE, r"its disk, which may be full"),
        ("Neo.DatabaseError.General.UnknownError", Unavailable, Fault.NONE, r"failed \(Neo\.DatabaseError\.General\.UnknownError\)"),
    ],
)
def test_a_code_becomes_an_error_that_says_where_and_what_to_do(code: str, kind: type[Unavailable], fault: Fault, said: str) -> None:
    error = Neo4jError._hydrate_neo4j(code=code, message="as the server puts it")
    assert judge(error) is fault
    with pytest.raises(kind, match=said) as caught, translating(PLACE):
        raise error
    assert caught.value.message.startswith("Neo4j (graph.example.org:7687, database neo4j) ")
    assert caught.value.remedy


def test_a_full_disk_is_said_where_the_server_says_so() -> None:
    error = Neo4jError._hydrate_neo4j(code="Neo.DatabaseError.General.UnknownError", message="No space left on device")
    with pytest.raises(StorageFull, match="no room left"), translating(PLACE):
        raise error
