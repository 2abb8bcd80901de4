output "api_url" {
  description = "URL of the API."
  value       = module.ml.api_url
}

output "role_arns" {
  description = "ARN of each function's role, for policies of the bucket and the key that name who may use them."
  value       = module.ml.role_arns
}
