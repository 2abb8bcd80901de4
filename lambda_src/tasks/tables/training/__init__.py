"""Candidates for tables: encodings of columns, and estimators behind them."""
