locals {
  expirations = {
    "raw/"  = try(var.lifecycle_rules.raw_data_days, null)
    "jobs/" = try(var.lifecycle_rules.job_days, null)
    # What a training that is repeated does not evaluate again; see lambda_src/model_training/evaluations.py.
    "trials/" = try(var.lifecycle_rules.trial_days, null)
  }
}

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

    # What was deleted leaves a marker, which nothing needs once the versions below it have gone.
    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = { for prefix, days in local.expirations : prefix => days if each.key == "data" && days != null }

    content {
      id     = "expire-${trimsuffix(rule.key, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }

      # The bucket has versions: expiration alone would only hide the object.
      noncurrent_version_expiration {
        noncurrent_days = 1
      }
    }
  }

  # The tag is that of SHORT_LIVED in lambda_src/common/datasets.py.
  dynamic "rule" {
    for_each = each.key == "data" ? [var.lifecycle_rules.short_lived_days] : []

    content {
      id     = "expire-short-lived"
      status = "Enabled"

      filter {
        tag {
          key   = "lifetime"
          value = "short"
        }
      }

      expiration {
        days = rule.value
      }

      noncurrent_version_expiration {
        noncurrent_days = 1
      }
    }
  }

  # Noncurrent versions exist only where versioning is on.
  depends_on = [aws_s3_bucket_versioning.this]
}
