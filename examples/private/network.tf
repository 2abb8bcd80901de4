# What functions in a VPC without internet access need, and no more.
data "aws_vpc" "this" {
  id = var.vpc_id
}

data "aws_region" "current" {}

resource "aws_security_group" "functions" {
  name        = "${var.name}-functions"
  description = "The functions, which nobody connects to."
  vpc_id      = var.vpc_id
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "The VPC endpoints, for anybody in the VPC."
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "to_endpoints" {
  description                  = "To the interface endpoints."
  security_group_id            = aws_security_group.functions.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.endpoints.id
}

resource "aws_vpc_security_group_egress_rule" "to_s3" {
  description       = "To S3, by its gateway endpoint."
  security_group_id = aws_security_group.functions.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  description       = "HTTPS from the VPC."
  security_group_id = aws_security_group.endpoints.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = data.aws_vpc.this.cidr_block
}

# The API for callers; Lambda for the functions, whose jobs start themselves.
resource "aws_vpc_endpoint" "interface" {
  for_each = toset(["execute-api", "lambda"])

  vpc_id              = var.vpc_id
  service_name        = "com.amazonaws.${data.aws_region.current.id}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.endpoints.id]
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = var.vpc_id
  service_name      = "com.amazonaws.${data.aws_region.current.id}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.route_table_ids
}
