resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = { for key, bucket in aws_s3_bucket.this : key => bucket if var.lifecycle_rules != null }

  bucket = each.value.id

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.lifecycle_rules.abort_incomplete_upload_days
    }
  }

  rule {
    id     = "expire-noncurrent-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.lifecycle_rules.noncurrent_version_days
    }
  }

  # Noncurrent versions exist only where versioning is on.
  depends_on = [aws_s3_bucket_versioning.this]
}
