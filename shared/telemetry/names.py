"""Attribute names of our spans: constants of our own, since the packaged gen_ai conventions are deprecated."""

from __future__ import annotations

REQUEST_ID = "kimera.request_id"
MISSION_ID = "kimera.mission_id"
TRACK = "kimera.track"
ATTEMPT = "kimera.attempt"
SEQ = "kimera.seq"
EPOCH = "kimera.epoch"
PHASE = "kimera.phase"
OUTCOME = "kimera.outcome"
RETRIES = "kimera.retries"
COST_MICRO_USD = "kimera.cost_micro_usd"
ERROR_CODE = "error.type"
