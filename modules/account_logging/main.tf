# The role by which API Gateway writes the logs of every API of an account and region: one for all, so apply this once.
data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_iam_policy_document" "assume_role" {
  statement {
    sid     = "ApiGatewayAssumesRole"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["apigateway.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-${data.aws_region.current.id}"
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary
  description          = "Writes the logs of API Gateway in ${data.aws_region.current.id}."
  assume_role_policy   = data.aws_iam_policy_document.assume_role.json
  tags                 = var.tags
}

# What API Gateway checks for before it takes a role.
resource "aws_iam_role_policy_attachment" "this" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

resource "aws_api_gateway_account" "this" {
  cloudwatch_role_arn = aws_iam_role.this.arn

  depends_on = [aws_iam_role_policy_attachment.this]
}
