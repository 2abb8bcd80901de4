# Pretrained networks that `make backbones` has written beside the zips. They are optional: every task learns without one.
resource "aws_s3_object" "backbone" {
  for_each = local.published ? toset([]) : fileset("${local.folder}/backbones", "*.onnx")

  bucket       = module.storage.data_bucket
  key          = "${local.data_prefix}backbones/${each.value}"
  source       = "${local.folder}/backbones/${each.value}"
  source_hash  = filemd5("${local.folder}/backbones/${each.value}")
  content_type = "application/octet-stream"

  # S3 takes ten tags of an object, those of the provider included.
  override_provider {
    default_tags {
      tags = {}
    }
  }
}
