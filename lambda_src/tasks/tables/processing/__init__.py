"""From a file with a table in it to a described, split dataset, in bounded memory."""
