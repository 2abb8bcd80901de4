"""`make demo`: three real data sets, from raw file to predictions, on the local cloud."""
