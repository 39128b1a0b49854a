"""Benchmarks: the same work, us and a named peer, as ratios in one run."""
