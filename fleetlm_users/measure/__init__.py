"""Samples, histograms, accounting, thresholds, reports: pure."""
