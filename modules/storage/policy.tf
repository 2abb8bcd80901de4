# What principals elsewhere may do with the data bucket: read models, and what the caller adds.
locals {
  models_arn = "${lookup(local.arns, "data", "")}/models/*"

  access = concat(
    [
      for readers in [var.access.model_readers] : {
        sid        = "ReadModels"
        effect     = "Allow"
        principals = readers
        actions    = ["s3:GetObject"]
        resources  = [local.models_arn]
        conditions = []
      } if length(readers) > 0
    ],
    [
      for readers in [var.access.model_readers] : {
        sid        = "ListModels"
        effect     = "Allow"
        principals = readers
        actions    = ["s3:ListBucket"]
        resources  = [lookup(local.arns, "data", "")]
        conditions = [{ test = "StringLike", variable = "s3:prefix", values = ["models/*"] }]
      } if length(readers) > 0
    ],
    [
      for statement in var.access.statements : {
        sid        = statement.sid
        effect     = statement.effect
        principals = statement.principals
        actions    = statement.actions
        resources  = [for path in statement.paths : path == "" ? lookup(local.arns, "data", "") : "${lookup(local.arns, "data", "")}/${path}"]
        conditions = statement.conditions
      }
    ],
  )
}

data "aws_iam_policy_document" "this" {
  for_each = local.arns

  statement {
    sid       = "DenyInsecureTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value, "${each.value}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = { for statement in local.access : statement.sid => statement if each.key == "data" }

    content {
      sid       = statement.value.sid
      effect    = statement.value.effect
      actions   = statement.value.actions
      resources = statement.value.resources

      principals {
        type        = "AWS"
        identifiers = statement.value.principals
      }

      dynamic "condition" {
        for_each = statement.value.conditions

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = data.aws_iam_policy_document.this[each.key].json

  # S3 refuses two changes of one bucket's access at once.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
