"""The gate that the workflow asks after every slice: continue, downgrade, stop, fuse a partial."""
