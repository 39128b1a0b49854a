"""What the sources are made of: calls, answers, failures, retries, coverage, redaction; and Yahoo."""
