"""Correcting a judge by a few clinicians' labels: prediction-powered inference, isotonic calibration, Rogan-Gladen."""
