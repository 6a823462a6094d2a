"""What happened: samples, histograms, accounting, thresholds, reports: pure."""
