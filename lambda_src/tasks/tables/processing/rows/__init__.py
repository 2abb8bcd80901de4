"""Which rows are used, in which split they are, and what they tell of each other."""
