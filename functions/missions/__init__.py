"""The public API: submit, read, list, cancel, delete, events, report, and the upload of inputs."""
