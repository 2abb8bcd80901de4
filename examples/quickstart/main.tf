provider "aws" {
  region = var.region
}

module "ml" {
  source = "../.."

  name          = var.name
  force_destroy = var.force_destroy
}
