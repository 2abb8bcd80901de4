"""Image classification: what a picture shows, one label for each."""
