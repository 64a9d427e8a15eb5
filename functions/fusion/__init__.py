"""Fusion: aligns what the two tracks assert, and writes one cited report."""
