resource "aws_wafv2_web_acl_association" "this" {
  count = var.api.web_acl == null ? 0 : 1

  resource_arn = aws_api_gateway_stage.this.arn
  web_acl_arn  = var.api.web_acl.arn
}
