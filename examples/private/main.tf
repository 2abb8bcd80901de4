provider "aws" {
  region = var.region
}

module "ml" {
  source = "../.."

  name = var.name
  api = {
    private = { vpc_endpoint_ids = [aws_vpc_endpoint.interface["execute-api"].id] }
  }
  vpc = {
    subnet_ids         = var.subnet_ids
    security_group_ids = [aws_security_group.functions.id]
  }
}
