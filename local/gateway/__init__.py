"""API Gateway's data plane for REST APIs: what the deployed OpenAPI document says, followed."""
