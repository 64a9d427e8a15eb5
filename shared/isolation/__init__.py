"""Shows, on this very machine, that code in a sandbox cannot get out: before anything is trusted to it."""
