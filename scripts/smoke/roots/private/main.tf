# Functions and an API without the internet, as in examples/private, with a VPC for them.
module "ml" {
  source = "./module"

  name          = var.name
  force_destroy = true

  api = {
    private = { vpc_endpoint_ids = [aws_vpc_endpoint.interface["execute-api"].id] }
  }

  vpc = {
    subnet_ids         = [aws_subnet.this.id]
    security_group_ids = [aws_security_group.this.id]
  }
}
