"""What is kept: records of bytes with their manifests, and the ledger of what was spent."""
