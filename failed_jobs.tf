# Events of jobs that every attempt has failed to run, each with Lambda's reason. The job's own document says FAILED too.
# A queue, because Lambda wants a role that may write a whole bucket before it takes a bucket.
resource "aws_sqs_queue" "failed_jobs" {
  count = var.failed_jobs == null ? 0 : 1

  name                      = module.iam.failed_jobs_queue
  message_retention_seconds = var.failed_jobs.retention_days * 24 * 60 * 60
  sqs_managed_sse_enabled   = var.failed_jobs.kms_key_arn == null ? true : null
  kms_master_key_id         = var.failed_jobs.kms_key_arn
  tags                      = var.tags
}
