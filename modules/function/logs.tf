# Made before the function, which would otherwise make one that is never deleted.
resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_338:How long logs are kept is the caller's choice, by var.logs.

  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.logs.retention_days
  kms_key_id        = var.logs.kms_key_arn
  skip_destroy      = var.logs.outlast_destroy
  tags              = var.tags
}
