"""The function that turns datasets into models, and decides which one is live."""
