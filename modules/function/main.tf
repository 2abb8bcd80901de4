resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_116:Events that fail go to a destination, by asynchronous.tf, which gets the reason too.
  # checkov:skip=CKV_AWS_173:The variables are names, no secrets. Lambda encrypts them with a key of its own, unless additions name one.
  # checkov:skip=CKV_AWS_272:The zip's sha256 is in its key and checked at plan time. Signing needs a profile of the account, which additions may name.

  function_name                  = var.name
  description                    = var.description
  role                           = var.role_arn
  runtime                        = var.runtime
  handler                        = var.handler
  architectures                  = [var.architecture]
  s3_bucket                      = var.code.bucket
  s3_key                         = var.code.key
  source_code_hash               = var.code.sha256
  code_signing_config_arn        = var.additions.code_signing_config_arn
  layers                         = var.additions.layers
  kms_key_arn                    = var.additions.environment_kms_key_arn
  publish                        = true
  memory_size                    = var.settings.memory_size
  timeout                        = var.settings.timeout
  reserved_concurrent_executions = var.settings.reserved_concurrency
  tags                           = var.tags

  ephemeral_storage {
    size = var.settings.ephemeral_storage
  }

  environment {
    variables = merge(var.additions.environment, var.environment)
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  dynamic "snap_start" {
    for_each = var.settings.snap_start ? ["PublishedVersions"] : []

    content {
      apply_on = snap_start.value
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  lifecycle {
    precondition {
      condition     = length(setintersection(keys(var.additions.environment), keys(var.environment))) == 0
      error_message = "The environment added to ${var.name} has ${join(" and ", setintersection(keys(var.additions.environment), keys(var.environment)))}, which this module sets: choose other names."
    }

    # Lambda says "Alias with weights can not be used with Provisioned Concurrency".
    precondition {
      condition     = var.additions.earlier_version == null || var.settings.provisioned_concurrency == null
      error_message = "${var.name} has an earlier_version and provisioned_concurrency, which Lambda refuses together: keep executions warm again once all invocations reach one version."
    }
  }

  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_lambda_alias" "this" {
  name             = var.alias
  description      = "The version that callers reach."
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  dynamic "routing_config" {
    for_each = var.additions.earlier_version[*]

    content {
      additional_version_weights = { (routing_config.value.version) = routing_config.value.weight }
    }
  }
}
