locals {
  service_prefix = "com.amazonaws.${var.region}"

  # One that has all endpoints.
  zone = sort(setintersection([for service in data.aws_vpc_endpoint_service.interface : service.availability_zones]...))[0]
}

data "aws_vpc_endpoint_service" "interface" {
  for_each = toset(["execute-api", "lambda"])

  service_name = "${local.service_prefix}.${each.key}"
  service_type = "Interface"
}

resource "aws_vpc" "this" {
  cidr_block           = "10.0.0.0/24"
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

resource "aws_subnet" "this" {
  vpc_id            = aws_vpc.this.id
  cidr_block        = aws_vpc.this.cidr_block
  availability_zone = local.zone
  tags              = { Name = var.name }

  timeouts {
    delete = "60m" # Lambda keeps network interfaces in it for a while
  }
}

resource "aws_security_group" "this" {
  name        = var.name
  description = "The functions and the endpoints."
  vpc_id      = aws_vpc.this.id

  ingress {
    description = "From the functions to the interface endpoints."
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    self        = true
  }

  egress {
    description = "From the functions to the interface endpoints."
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    self        = true
  }

  egress {
    description     = "To S3, by its gateway endpoint."
    protocol        = "tcp"
    from_port       = 443
    to_port         = 443
    prefix_list_ids = [aws_vpc_endpoint.s3.prefix_list_id]
  }

  timeouts {
    delete = "60m" # as the subnet
  }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = data.aws_vpc_endpoint_service.interface

  vpc_id              = aws_vpc.this.id
  service_name        = each.value.service_name
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [aws_subnet.this.id]
  security_group_ids  = [aws_security_group.this.id]
  tags                = { Name = var.name }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "${local.service_prefix}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_vpc.this.main_route_table_id]
  tags              = { Name = var.name }
}
