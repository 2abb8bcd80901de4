"""Face recognition: who of the enrolled people is in a picture, if any of them is."""

UNKNOWN = "unknown"
"""The answer for a face of nobody who is enrolled; as a label, images of such people."""
