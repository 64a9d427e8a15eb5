"""The cloud on one machine: the Workflows runner, the function host, the embedded queue and events."""
