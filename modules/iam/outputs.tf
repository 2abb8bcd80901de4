output "role_arns" {
  description = "ARN of each function's role, by function. It is known once the role's policy is attached."
  value       = merge({ for function, role in aws_iam_role.this : function => role.arn }, var.roles.arns)
  depends_on  = [aws_iam_role_policy.this]
}

output "role_names" {
  description = "Name of each function's role, by function. It is known once the role's policy is attached."
  value       = merge({ for function, role in aws_iam_role.this : function => role.name }, { for function, arn in var.roles.arns : function => reverse(split("/", arn))[0] })
  depends_on  = [aws_iam_role_policy.this]
}

output "function_names" {
  description = "Name that each function must have, by function, because the roles' policies refer to it."
  value       = local.function_names
}

output "failed_jobs_queue" {
  description = "Name that the dead-letter queue must have, because the roles' policies refer to it."
  value       = local.failed_jobs_queue
}

output "policies" {
  description = "Policy of each role in JSON, by function."
  value       = { for function, document in data.aws_iam_policy_document.this : function => document.json }
}
