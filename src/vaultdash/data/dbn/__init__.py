"""Databento's file format: reading, the admission gate, splitting, the tape of trades, rolls."""
