"""Room 1: what history we hold, and what more would cost."""
