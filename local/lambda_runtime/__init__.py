"""AWS Lambda on this machine: the deployed zips under AWS's own runtime client."""
