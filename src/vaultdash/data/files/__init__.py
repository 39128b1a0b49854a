"""The person's own files: CSV and Parquet of daily closes, and dated schedules."""
