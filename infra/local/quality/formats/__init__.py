"""Suites of others in a folder that the user downloaded, as our own tasks. ``docs/benchmarks.md`` says where they come from.

``load``      finds out which format a folder has, and gives its tasks
``reading``   files of the benchmarks, and errors that say what is wrong in them
``answers``   their answers, as checks
``dabench``, ``kramabench``, ``tatqa``, ``hotpotqa``: one layout each
"""
