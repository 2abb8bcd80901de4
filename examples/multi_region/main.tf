provider "aws" {
  alias  = "first"
  region = var.regions[0]
}

provider "aws" {
  alias  = "second"
  region = var.regions[1]
}

module "first" {
  source    = "../.."
  providers = { aws = aws.first }

  name          = var.name
  force_destroy = var.force_destroy
}

module "second" {
  source    = "../.."
  providers = { aws = aws.second }

  name          = var.name
  force_destroy = var.force_destroy
}
