"""A stand-in for model providers: a local HTTP server that speaks chat completions and Gemini's generateContent.

It checks what it is sent, answers from a script by the name of the answer's type, and misbehaves on demand.
"""

from tests.support.standin.faults import Fault
from tests.support.standin.replies import Reply
from tests.support.standin.server import Seen, StandIn

__all__ = ["Fault", "Reply", "Seen", "StandIn"]
