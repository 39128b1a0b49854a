"""Daily closes out of bars of any length, and their derived copies."""
