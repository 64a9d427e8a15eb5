"""RFC 9457 problem documents: how every HTTP error of KIMERA reads."""

from __future__ import annotations

from schemas.base import Contract


class Problem(Contract):
    """``code`` is stable and for programs; ``title``, ``detail`` and ``remedy`` are for people."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    remedy: str = ""
    request_id: str
    fields: tuple[str, ...] = ()
