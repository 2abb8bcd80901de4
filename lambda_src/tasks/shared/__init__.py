"""What several tasks have in common; its folders follow the same verbs."""
