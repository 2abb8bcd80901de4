"""All about tables: reading, typing, describing, cleaning, splitting, encoding and serving."""
