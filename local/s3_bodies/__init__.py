"""Bodies of requests to S3: received whole, and held to all that their headers say of them."""
