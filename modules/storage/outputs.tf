output "data_bucket" {
  description = "Name of the bucket that holds data, models and jobs."
  value       = aws_s3_bucket.this["data"].bucket
}

output "data_bucket_arn" {
  description = "ARN of the data bucket."
  value       = local.arns["data"]
}

output "artifacts_bucket" {
  description = "Name of the bucket that holds the functions' code. It is given out once it encrypts and keeps versions."
  value       = aws_s3_bucket.this["artifacts"].bucket
  depends_on = [
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "artifacts_bucket_arn" {
  description = "ARN of the artifacts bucket."
  value       = local.arns["artifacts"]
}
