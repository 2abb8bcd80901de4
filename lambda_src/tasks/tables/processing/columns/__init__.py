"""What each column is, how its values are written, and what it does."""
