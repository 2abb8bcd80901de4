"""The function that turns raw files into datasets."""
