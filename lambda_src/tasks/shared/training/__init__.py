"""What several tasks share in training: reading, selection, judgement, export."""
