output "data_bucket" {
  description = "Name of the bucket that holds data, models and jobs."
  value       = aws_s3_bucket.this["data"].bucket
}

output "data_bucket_arn" {
  description = "ARN of the data bucket."
  value       = local.arns["data"]
}

output "artifacts_bucket" {
  description = "Name of the bucket that holds the functions' code."
  value       = aws_s3_bucket.this["artifacts"].bucket
}

output "artifacts_bucket_arn" {
  description = "ARN of the artifacts bucket."
  value       = local.arns["artifacts"]
}
