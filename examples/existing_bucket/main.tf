provider "aws" {
  region = var.region
}

module "ml" {
  source = "../.."

  name        = var.name
  data_bucket = { name = var.bucket, prefix = var.prefix, expires_short_lived = true } # by the rule in README.md
  kms_key_arn = var.kms_key_arn
}
