"""Who asked what, where it went, how long it took: OpenTelemetry spans and the identifiers that travel with every call.

``context``  request id, mission, track, attempt, seq and ``traceparent`` of the current call
``tracing``  the tracer of this process
``exporters``  where its spans go: a file, a collector, Cloud Trace
``names``    the attribute names that we use
``reading``  spans read back from the local file, for ``kimera inspect``
``rows``     the rows of the dashboards' tables
``sink``     the port that takes them
``tables``   their declarations, and the queries in ``views/``
"""
