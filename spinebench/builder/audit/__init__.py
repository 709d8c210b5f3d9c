"""The audit of a benchmark itself: shortcuts, leakage between splits, contradicting labels, classes, chance.

`auditing.audit_benchmark` makes the report; `plan` holds the settings and imports nothing heavy.
"""
