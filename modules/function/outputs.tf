output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "ARN of the function, without a version."
  value       = aws_lambda_function.this.arn
}

output "version" {
  description = "Version that the alias points at."
  value       = aws_lambda_function.this.version
}

output "alias" {
  description = "Name of the alias."
  value       = aws_lambda_alias.this.name
}

output "alias_arn" {
  description = "ARN of the alias that callers invoke."
  value       = aws_lambda_alias.this.arn
}

output "alias_invoke_arn" {
  description = "ARN with which API Gateway invokes the alias."
  value       = aws_lambda_alias.this.invoke_arn
}

output "log_group" {
  description = "Name of the log group."
  value       = aws_cloudwatch_log_group.this.name
}
