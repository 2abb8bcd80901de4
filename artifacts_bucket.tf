# Zips in a bucket that `make publish` has filled: read where they are, and checked before anything is planned with them.
locals {
  manifest_key = "${var.artifacts.prefix}manifest-${local.module_version}-${var.architecture}.json"
  publish      = "make publish BUCKET=${coalesce(var.artifacts.bucket, "<bucket>")}${var.artifacts.prefix == "" ? "" : " PREFIX=${var.artifacts.prefix}"} ARCH=${var.architecture}"
}

data "aws_s3_objects" "manifest" {
  count = local.published ? 1 : 0

  bucket   = var.artifacts.bucket
  prefix   = local.manifest_key
  max_keys = 1

  lifecycle {
    postcondition {
      condition     = contains(self.keys, local.manifest_key)
      error_message = "s3://${var.artifacts.bucket} has no ${local.manifest_key}: version ${local.module_version} was not published there for ${var.architecture}. Run `${local.publish}` in the module's repository."
    }
  }
}

data "aws_s3_object" "manifest" {
  count = local.published ? 1 : 0

  bucket = var.artifacts.bucket
  key    = one(data.aws_s3_objects.manifest[0].keys)
}

data "aws_s3_objects" "published" {
  for_each = { for function, built in local.built : function => built if local.published }

  bucket   = var.artifacts.bucket
  prefix   = "${var.artifacts.prefix}${each.key}/${each.value.sha256}.zip"
  max_keys = 1

  lifecycle {
    precondition {
      condition     = length(local.misfits[each.key]) == 0
      error_message = "${each.key}.zip in s3://${var.artifacts.bucket} does not fit: ${join("; ", local.misfits[each.key])}. Run `${local.publish}` in the module's repository."
    }

    postcondition {
      condition     = length(self.keys) == 1
      error_message = "s3://${var.artifacts.bucket} lacks ${var.artifacts.prefix}${each.key}/${each.value.sha256}.zip, which its manifest names. Run `${local.publish}` in the module's repository."
    }
  }
}
