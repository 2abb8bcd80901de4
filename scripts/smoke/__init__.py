"""The smoke test: roots of its own, applied to an account, used, and destroyed."""
