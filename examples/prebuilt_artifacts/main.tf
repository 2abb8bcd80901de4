provider "aws" {
  region = var.region
}

module "ml" {
  source = "../.."

  name = var.name
  artifacts = {
    bucket = var.artifacts_bucket
    prefix = var.artifacts_prefix
  }
}
