"""Append rows to a CSV file for months: durable, rotated, locked; knows nothing of faces."""
