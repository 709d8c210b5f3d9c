"""Human check of every item: who reads what, what they decided, and what of it enters the benchmark."""
