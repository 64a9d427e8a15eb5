"""One module per adapter; each imports its heavy library when it is constructed, never when it is imported."""
