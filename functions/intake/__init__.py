"""Intake: what is uploaded becomes a mission."""
