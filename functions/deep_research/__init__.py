"""The research track: Explore, Plan, Batch, Audit, Synthesize, as slices over a stored frontier."""
