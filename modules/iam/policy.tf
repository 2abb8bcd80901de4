data "aws_iam_policy_document" "this" {
  for_each = local.access

  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.log_group_arns[each.key]}:*"]
  }

  statement {
    sid       = "ReadObjects"
    actions   = ["s3:GetObject"]
    resources = [for prefix in each.value.read : "${var.data_bucket_arn}/${prefix}*"]
  }

  statement {
    sid       = "ListPrefixes"
    actions   = ["s3:ListBucket"]
    resources = [var.data_bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for prefix in each.value.read : "${prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.write) > 0 ? [each.value.write] : []

    content {
      sid       = "WriteObjects"
      actions   = ["s3:PutObject"]
      resources = [for prefix in statement.value : "${var.data_bucket_arn}/${prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = each.value.invokes_self ? [local.alias_arns[each.key]] : []

    content {
      sid       = "InvokeItself"
      actions   = ["lambda:InvokeFunction"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseDataKey"
      actions   = concat(["kms:Decrypt"], length(each.value.write) > 0 ? ["kms:GenerateDataKey"] : [])
      resources = [statement.value]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["s3.${local.region}.${data.aws_partition.current.dns_suffix}"]
      }
    }
  }
}
