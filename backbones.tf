# Pretrained networks that `make backbones` has written beside the zips. They are optional: every task but object detection learns without one.
locals {
  backbones_folder = "${local.folder}/backbones"
  found_backbones  = [for file in fileset(local.backbones_folder, "*.onnx") : trimsuffix(file, ".onnx")]
}

resource "aws_s3_object" "backbone" {
  for_each = { for name in coalesce(var.backbones, []) : "${name}.onnx" => "${local.backbones_folder}/${name}.onnx" }

  bucket       = module.storage.data_bucket
  key          = "${local.data_prefix}backbones/${each.key}"
  source       = each.value
  source_hash  = try(filemd5(each.value), null)
  content_type = "application/octet-stream"

  # S3 takes ten tags of an object, those of the provider included.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    precondition {
      condition     = fileexists(each.value)
      error_message = "backbones names ${trimsuffix(each.key, ".onnx")}, and ${each.value} is missing. Run `make backbones` in the module's repository, or point artifacts.folder at a folder where it has been run."
    }
  }
}

check "backbones" {
  assert {
    condition     = var.backbones != null || length(local.found_backbones) == 0
    error_message = "${local.backbones_folder} has networks, which are uploaded only where they are named: set backbones = ${jsonencode(sort(local.found_backbones))}, or backbones = [] to be told no more. Without a name, those that an earlier version of this module has uploaded are deleted."
  }
}
