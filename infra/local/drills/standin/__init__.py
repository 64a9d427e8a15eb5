"""A stand-in for model providers: a local HTTP server that speaks chat completions and Gemini's generateContent.

It checks what it is sent, answers from a script by the name of the answer's type, and misbehaves on demand.
"""

from infra.local.drills.standin.faults import Fault
from infra.local.drills.standin.replies import Reply
from infra.local.drills.standin.server import AT_ONCE, Seen, StandIn

__all__ = ["AT_ONCE", "Fault", "Reply", "Seen", "StandIn"]
