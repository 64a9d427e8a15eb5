"""What is deployed: one source archive per function, with just what it needs, the same bytes from the same sources.

The standard library only: ``kimera package`` and the Pulumi program both build with it, each in its own dependency set.
"""
