"""Where the functions run: ``infra.local`` on one machine, ``infra.pulumi`` on Google Cloud."""
