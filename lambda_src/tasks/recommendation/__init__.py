"""Recommendation: what else those who took these items take, be they films, products or songs."""
