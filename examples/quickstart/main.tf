provider "aws" {
  region = var.region
}

module "ml" {
  source = "../.."

  name          = var.name
  images_by_key = var.images_by_key
  force_destroy = var.force_destroy
}
