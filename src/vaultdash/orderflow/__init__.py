"""Room 3: who crossed the spread, and what following them paid."""
