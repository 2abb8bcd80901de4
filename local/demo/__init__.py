"""`make demo`: real data sets, from raw file to predictions, on the local cloud."""
