"""The function that answers from models."""
