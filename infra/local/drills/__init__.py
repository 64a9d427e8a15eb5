"""Failure drills: each starts the platform as real processes, hurts it, proves that it did, and checks the invariants from outside.

``drill.py`` says what a drill is, ``registry.py`` lists them all, ``running.py`` runs them. One file for each kind of drill; what they
share: ``host.py`` (the platform as a process), ``missions.py`` (what is asked of it), ``promises.py`` (what is checked afterwards) and
``standin/`` (model providers that misbehave on demand). ``docs/drills.md`` has the table.
"""
