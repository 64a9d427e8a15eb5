"""The analysis track: Analyze, Plan, Code, Verify, Route, Finalize (DS-STAR, arXiv 2509.21825)."""
