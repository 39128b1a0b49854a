"""Room 2: a loan on gold, and the puts that guard it."""
