"""Text classification in any language; sentiment analysis is this task."""
