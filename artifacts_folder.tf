# Zips of a folder, uploaded under keys that are their content's hash.
locals {
  folder = coalesce(var.artifacts.folder, "${path.module}/dist")
}

resource "aws_s3_object" "code" {
  for_each = { for function, built in local.built : function => built if !local.published }

  bucket       = module.storage.artifacts_bucket
  key          = "${each.key}/${each.value.sha256}.zip"
  source       = "${local.folder}/${each.key}.zip"
  content_type = "application/zip"

  # S3 takes ten tags of an object, those of the provider included.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    create_before_destroy = true
    # The key follows the content. The path may differ from one machine to the next.
    ignore_changes = [source]

    precondition {
      condition     = fileexists("${local.folder}/${each.key}.zip") && fileexists("${local.folder}/manifest.json")
      error_message = "${local.folder} lacks ${each.key}.zip or manifest.json. Run `make build` in the module's repository, point artifacts.folder at a folder that it has filled, or artifacts.bucket at a bucket that `make publish` has."
    }

    precondition {
      condition     = try(filesha256("${local.folder}/${each.key}.zip"), each.value.sha256) == each.value.sha256
      error_message = "${local.folder}/${each.key}.zip is not the file that its manifest.json describes (sha256 ${each.value.sha256}). Run `make build ARCH=${var.architecture}` again."
    }

    precondition {
      condition     = !fileexists("${local.folder}/${each.key}.zip") || length(local.misfits[each.key]) == 0
      error_message = "${local.folder}/${each.key}.zip does not fit: ${join("; ", local.misfits[each.key])}. Run `make build ARCH=${var.architecture}` again."
    }
  }
}
