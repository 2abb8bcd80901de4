"""Requests that the contract forbids, or only just allows, made from it field by field.

HOSTILE_CASES is how many are sent, HOSTILE_SEED what they are drawn by:

    HOSTILE_CASES=100000 pytest tests/unit/hostile
"""
