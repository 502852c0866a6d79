"""Statistics of paired seeds: evidence at a fixed number of seeds, and the sequence that may be watched."""
