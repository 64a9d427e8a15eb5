"""Fixtures of the contract suites that need a real component."""

from __future__ import annotations

from tests.support.sandboxes import run, sandbox

__all__ = ["run", "sandbox"]
