provider "aws" {
  region = var.region
}

module "ml" {
  source = "../.."

  name        = var.name
  data_bucket = { name = var.bucket, prefix = var.prefix }
  kms_key_arn = var.kms_key_arn
}
