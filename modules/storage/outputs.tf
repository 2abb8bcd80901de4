output "data_bucket" {
  description = "Name of the bucket that holds data, models and jobs."
  value       = local.owned.data ? aws_s3_bucket.this["data"].bucket : var.data_bucket.name
}

output "data_bucket_arn" {
  description = "ARN of the data bucket."
  value       = local.owned.data ? local.arns["data"] : "arn:${data.aws_partition.current.partition}:s3:::${var.data_bucket.name}"
}

output "artifacts_bucket" {
  description = "Name of the bucket that holds the functions' code. It is known once the bucket is encrypted and versioned. Null when the module creates none."
  value       = local.owned.artifacts ? aws_s3_bucket.this["artifacts"].bucket : null
  depends_on = [
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "artifacts_bucket_arn" {
  description = "ARN of the bucket that holds the functions' code. Null when there is none."
  value       = lookup(local.arns, "artifacts", null)
}
