"""Files of all kinds as one view of text, and what they are, by their content."""
