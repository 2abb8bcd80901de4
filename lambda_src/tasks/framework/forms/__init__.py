"""How values are written in raw data, and what they are then: the same for training and serving.

Processing finds the form of each column and reads its text in SQL; the form is a part of the
model, and serving reads the same text in Python. Both are made of the same patterns, and a
property test holds them together, value for value. Nothing here is slow to import.
"""
