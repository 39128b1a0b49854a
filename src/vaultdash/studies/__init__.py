"""Sweeps, distributions, searches and audits over the hedge and order flow rooms."""
