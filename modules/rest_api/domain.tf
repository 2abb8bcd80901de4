# A name of one's own, which is then the only one.
resource "aws_api_gateway_domain_name" "this" {
  count = var.api.domain == null ? 0 : 1

  domain_name              = var.api.domain.name
  regional_certificate_arn = var.api.domain.certificate_arn
  security_policy          = "TLS_1_2"
  tags                     = var.tags

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_base_path_mapping" "this" {
  count = var.api.domain == null ? 0 : 1

  api_id      = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  domain_name = aws_api_gateway_domain_name.this[0].domain_name
  base_path   = var.api.domain.base_path
}
