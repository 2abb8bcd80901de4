"""Translation from one language into another, by a recurrent network learned from a corpus."""
