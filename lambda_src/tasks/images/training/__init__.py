"""What the tasks that learn from images share in training."""
