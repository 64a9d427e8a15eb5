"""Runs code that nobody trusts, in a container of its own and for one mission in its life (decision 0007).

The supervisor here is ours; the code runs in the inner sandbox that it starts. There is no library of Google's in this container,
its account has no role, and what the supervisor needs of the platform is in the request: links to the inputs.
"""
