"""Requests that the contract forbids, or only just allows, made from it field by field.

HOSTILE_CASES is about how many are sent, HOSTILE_SEED what they are drawn by: `make fuzz` sets
both.
"""
