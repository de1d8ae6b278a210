"""Closed days of rotated logs as Parquet, a seventh of the size: typed, sorted, verified.

Modules: `named_log` whether a path is a log; `days` which files are of a day that is over;
`columns` their types and units; `digest` what tells whether two files have the same rows; `parquet`
writes and reads an archive; `archiver` the steps, of which each may be the last before a power cut.
DuckDB writes the files: the extra `query`.
"""
