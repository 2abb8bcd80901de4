output "rest_api_id" {
  description = "Id of the REST API."
  value       = aws_api_gateway_rest_api.this.id
}

output "url" {
  description = "URL of the stage, without a slash at its end. It is given out once the API can reach its functions."
  value       = aws_api_gateway_stage.this.invoke_url
  depends_on  = [aws_lambda_permission.operation, aws_api_gateway_method_settings.all]
}

output "execution_arn" {
  description = "ARN of the stage in policies that grant execute-api:Invoke; append /<METHOD>/<path>."
  value       = aws_api_gateway_stage.this.execution_arn
}

output "stage_name" {
  description = "Name of the stage."
  value       = aws_api_gateway_stage.this.stage_name
}

output "openapi" {
  description = "The OpenAPI document as deployed, in JSON."
  value       = local.body
}
