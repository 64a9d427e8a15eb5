"""Missions in processes of their own: a served platform uses more than one core (decision 0009)."""
