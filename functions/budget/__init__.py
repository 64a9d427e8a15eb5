"""The gate that the workflow asks after every slice: continue, stop, fuse a partial. The tier is each slice's own matter (freezing)."""
