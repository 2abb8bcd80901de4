"""Choosing among candidates, evaluating the chosen one, and comparing what is served with it."""
