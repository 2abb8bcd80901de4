output "role_arn" {
  description = "ARN of the role, once the account writes logs by it."
  value       = aws_iam_role.this.arn
  depends_on  = [aws_api_gateway_account.this]
}
