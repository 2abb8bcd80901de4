output "api_url" {
  description = "URL of the API, without a trailing slash."
  value       = module.rest_api.url

  precondition {
    condition     = alltrue([for function in var.functions : var.api.timeout_seconds == 29 || function.timeout >= var.api.timeout_seconds])
    error_message = "api.timeout_seconds is ${var.api.timeout_seconds}, and a function of functions stops before that: raise its timeout, or lower api.timeout_seconds."
  }

  precondition {
    condition     = var.data_bucket == null || length(concat(var.data_bucket_access.model_readers, var.data_bucket_access.statements)) == 0
    error_message = "data_bucket_access is for a bucket that this module makes: the policy of data_bucket is its owner's."
  }

  # Terraform drops an attribute that it does not know: without this, a misspelt allowed_networks would open the API to everybody.
  precondition {
    condition     = var.api.private != null || length(var.api.allowed_networks) > 0 || !anytrue([for one in concat([var.authorization], var.authorization.inference[*]) : one.type == "NONE"])
    error_message = "The authorization NONE lets anybody call the API who reaches it: say from which networks in api.allowed_networks. From everywhere is [\"0.0.0.0/0\", \"::/0\"]."
  }
}

output "rest_api_id" {
  description = "ID of the REST API."
  value       = module.rest_api.rest_api_id
}

output "stage_name" {
  description = "Stage that the API is deployed to."
  value       = module.rest_api.stage_name
}

output "stage_arn" {
  description = "ARN of the stage, to associate it with other resources."
  value       = module.rest_api.stage_arn
}

output "execution_arn" {
  description = "ARN of the API's stage in policies that grant execute-api:Invoke; append /<METHOD>/<path>."
  value       = module.rest_api.execution_arn
}

output "domain_target" {
  description = "Target of an alias record for api.domain: its name and hosted zone. Null without a domain."
  value       = module.rest_api.domain_target
}

output "api_keys" {
  description = "Value of each API key, by usage plan and key: <plan>/<key>."
  value       = module.rest_api.api_keys
  sensitive   = true
}

output "openapi" {
  description = "The OpenAPI document of the API as deployed, in JSON."
  value       = module.rest_api.openapi
}

output "function_names" {
  description = "Name of each function, by function."
  value       = { for key, function in module.function : key => function.name }
}

output "function_arns" {
  description = "ARN of each function, by function."
  value       = { for key, function in module.function : key => function.arn }
}

output "function_alias_arns" {
  description = "ARN of the alias that callers invoke, by function."
  value       = { for key, function in module.function : key => function.alias_arn }
}

output "log_groups" {
  description = "Name of each function's log group, by function."
  value       = { for key, function in module.function : key => function.log_group }
}

output "role_arns" {
  description = "ARN of each function's role, by function."
  value       = module.iam.role_arns
}

output "role_names" {
  description = "Name of each function's role, by function, for policies of your own."
  value       = module.iam.role_names
}

output "role_policies" {
  description = "Permissions that each function's role needs, as a policy in JSON, by function. Roles in roles.arns need these policies."
  value       = module.iam.policies
}

output "data_bucket" {
  description = "Name of the bucket that holds data, models and jobs."
  value       = module.storage.data_bucket
}

output "data_bucket_arn" {
  description = "ARN of the data bucket."
  value       = module.storage.data_bucket_arn
}

output "data_prefix" {
  description = "Prefix of all keys of data, models and jobs in the data bucket."
  value       = local.data_prefix
}

output "artifacts_bucket" {
  description = "Name of the bucket that holds the functions' code."
  value       = local.published ? var.artifacts.bucket : module.storage.artifacts_bucket
}

output "failed_jobs_queue_url" {
  description = "URL of the dead-letter queue of jobs. Null when there is none."
  value       = one(aws_sqs_queue.failed_jobs[*].url)
}

output "failed_jobs_queue_arn" {
  description = "ARN of the dead-letter queue of jobs. Null when there is none."
  value       = one(aws_sqs_queue.failed_jobs[*].arn)
}

output "alarm_arns" {
  description = "ARN of each alarm, by metric and function."
  value       = module.monitoring.alarm_arns
}

output "dashboard_url" {
  description = "URL of the dashboard in the console. Null without a dashboard, or in a partition whose console this module does not know."
  value       = module.monitoring.dashboard_url
}
