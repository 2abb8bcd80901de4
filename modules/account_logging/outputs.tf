output "role_arn" {
  description = "ARN of the role. It is known once the account uses the role."
  value       = aws_iam_role.this.arn
  depends_on  = [aws_api_gateway_account.this]
}
