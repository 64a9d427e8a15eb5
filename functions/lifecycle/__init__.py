"""The state machine of missions: dispatch, claim, advance, complete, compensate, reconcile."""
