"""Translation from one language into another, by phrases or a recurrent network of a corpus."""
