"""Probes: short programs that each measure one thing of a checkout, in a process of their own.

They come from the checkout that compares, and run in either of the two. So `device` is imported
absolutely here and means the checkout's that is measured; a probe uses only what both commits
have, and what differs stands in `compat`. Each has `main(options)`, which returns its figures;
options: what `measurements` and the comparison give it.
"""
