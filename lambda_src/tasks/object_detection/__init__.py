"""Object detection: which things a picture shows, and where."""
