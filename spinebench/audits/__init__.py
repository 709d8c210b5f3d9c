"""Audits of runs: which traces are drawn, what judges are asked about them, and how far that has come."""
