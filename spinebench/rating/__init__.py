"""Clinicians: who rates what in which order, when ratings are final, and what is decided afterwards."""
