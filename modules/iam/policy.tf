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
    resources = [for prefix in each.value.read : "${var.data_bucket_arn}/${var.data_prefix}${prefix}*"]
  }

  dynamic "statement" {
    for_each = length(each.value.never) > 0 ? [each.value.never] : []

    content {
      sid       = "NeverReadObjects"
      effect    = "Deny"
      actions   = ["s3:GetObject"]
      resources = [for pattern in statement.value : "${var.data_bucket_arn}/${var.data_prefix}${pattern}"]
    }
  }

  statement {
    sid       = "ListPrefixes"
    actions   = ["s3:ListBucket"]
    resources = [var.data_bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for prefix in each.value.read : "${var.data_prefix}${prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.write) > 0 ? [each.value.write] : []

    content {
      sid       = "WriteObjects"
      actions   = ["s3:PutObject"]
      resources = [for prefix in statement.value : "${var.data_bucket_arn}/${var.data_prefix}${prefix}*"]
    }
  }

  # What was deleted leaves a tombstone, so that nobody who comes late writes it again.
  dynamic "statement" {
    for_each = length(each.value.bury) > 0 ? [each.value.bury] : []

    content {
      sid       = "WriteTombstones"
      actions   = ["s3:PutObject"]
      resources = [for key in statement.value : "${var.data_bucket_arn}/${var.data_prefix}${key}"]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.delete) > 0 ? [each.value.delete] : []

    content {
      sid       = "DeleteObjects"
      actions   = ["s3:DeleteObject"]
      resources = [for prefix in statement.value : "${var.data_bucket_arn}/${var.data_prefix}${prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.tag) > 0 ? [each.value.tag] : []

    content {
      sid       = "TagObjects"
      actions   = ["s3:PutObjectTagging"]
      resources = [for prefix in statement.value : "${var.data_bucket_arn}/${var.data_prefix}${prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = contains(var.job_functions, each.key) ? [local.alias_arns[each.key]] : []

    content {
      sid       = "InvokeItself"
      actions   = ["lambda:InvokeFunction"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = contains(var.job_functions, each.key) && var.failed_jobs != null ? [local.failed_jobs_queue_arn] : []

    content {
      sid       = "KeepFailedJobs"
      actions   = ["sqs:SendMessage"]
      resources = [statement.value]
    }
  }

  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
  dynamic "statement" {
    for_each = contains(var.job_functions, each.key) && try(var.failed_jobs.kms_key_arn, null) != null ? [var.failed_jobs.kms_key_arn] : []

    content {
      sid       = "UseKeyOfFailedJobs"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["sqs.${local.region}.${data.aws_partition.current.dns_suffix}"]
      }
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

  # X-Ray and the network interfaces of a VPC have no resources to name.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
  dynamic "statement" {
    for_each = var.tracing ? ["*"] : []

    content {
      sid       = "WriteTraces"
      actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = [statement.value]
    }
  }

  # Lambda itself attaches the function to its subnets; the code of the function may not.
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
  dynamic "statement" {
    for_each = var.in_vpc ? ["*"] : []

    content {
      sid       = "AttachToSubnets"
      actions   = local.subnet_actions
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.in_vpc ? ["*"] : []

    content {
      sid       = "KeepCodeFromSubnets"
      effect    = "Deny"
      actions   = local.subnet_actions
      resources = [statement.value]

      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = [local.function_arns[each.key]]
      }
    }
  }

  dynamic "statement" {
    for_each = lookup(var.policy_statements, each.key, [])

    content {
      sid       = statement.value.sid
      effect    = statement.value.effect
      actions   = statement.value.actions
      resources = statement.value.resources

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
