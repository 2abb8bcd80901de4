data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  suffix = "${data.aws_caller_identity.current.account_id}-${data.aws_region.current.id}"

  owned = {
    data      = var.data_bucket == null
    artifacts = var.keeps_code
  }

  buckets = { for kind, owned in local.owned : kind => "${var.name}-${kind}-${local.suffix}" if owned }

  # From the name, not from the resource, so that whatever is made of it can be read in the plan.
  arns = { for kind, bucket in aws_s3_bucket.this : kind => "arn:${data.aws_partition.current.partition}:s3:::${bucket.bucket}" }
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18:Access logs need a bucket outside of this service, which the caller may name.
  # checkov:skip=CKV_AWS_144:A second region is a second instance, which may have data of its own.
  # checkov:skip=CKV2_AWS_62:Nothing listens: work is started by the API.

  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = { for kind, bucket in aws_s3_bucket.this : kind => bucket if var.logs != null }

  bucket        = each.value.id
  target_bucket = var.logs.bucket
  target_prefix = "${var.logs.prefix}${each.value.bucket}/"
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

# A presigned URL is what lets somebody write; this lets a page of another origin be what sends it.
resource "aws_s3_bucket_cors_configuration" "data" {
  for_each = { for kind, bucket in aws_s3_bucket.this : kind => bucket if kind == "data" && var.cors != null }

  bucket = each.value.id

  cors_rule {
    allowed_methods = ["PUT"]
    allowed_origins = [var.cors.allowed_origin]
    allowed_headers = ["Content-Type", "If-None-Match"]
    max_age_seconds = var.cors.max_age
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}
