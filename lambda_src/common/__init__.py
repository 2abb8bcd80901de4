"""What the three functions share: problems, API events, jobs, the S3 store, datasets, models."""
