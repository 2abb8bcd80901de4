output "rest_api_id" {
  description = "ID of the REST API."
  value       = aws_api_gateway_rest_api.this.id
}

output "name" {
  description = "Name of the REST API, which is the dimension of its CloudWatch metrics."
  value       = aws_api_gateway_rest_api.this.name
}

output "url" {
  description = "URL of the API, without a trailing slash. It is known once the API can invoke its functions."
  value = (
    var.api.domain == null
    ? aws_api_gateway_stage.this.invoke_url
    : trimsuffix("https://${var.api.domain.name}/${coalesce(var.api.domain.base_path, "/")}", "//")
  )
  depends_on = [
    aws_api_gateway_base_path_mapping.this,
    aws_api_gateway_method_settings.all,
    aws_api_gateway_method_settings.route,
    aws_apigatewayv2_api_mapping.this,
    aws_lambda_permission.operation,
  ]
}

output "execution_arn" {
  description = "ARN of the stage in policies that grant execute-api:Invoke; append /<METHOD>/<path>."
  value       = aws_api_gateway_stage.this.execution_arn
}

output "stage_name" {
  description = "Name of the stage."
  value       = aws_api_gateway_stage.this.stage_name
}

output "stage_arn" {
  description = "ARN of the stage."
  value       = aws_api_gateway_stage.this.arn
}

output "openapi" {
  description = "The OpenAPI document as deployed, in JSON."
  value       = local.body
}

output "domain_target" {
  description = "Target of an alias record for the domain: its name and hosted zone. Null without a domain."
  value = one([
    for domain in aws_api_gateway_domain_name.this : {
      name    = domain.regional_domain_name
      zone_id = domain.regional_zone_id
    }
  ])
}

output "api_keys" {
  description = "Value of each API key, by usage plan and key: <plan>/<key>."
  value       = { for name, key in aws_api_gateway_api_key.this : name => key.value }
  sensitive   = true
}
