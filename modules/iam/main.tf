# The one place that says which function may touch what.
locals {
  access = {
    data_processing = {
      read   = ["raw/", "datasets/", "jobs/data_processing/"]
      write  = ["raw/", "datasets/", "jobs/data_processing/"]
      tag    = ["raw/", "datasets/"] # what is not to be kept is tagged, for a lifecycle rule
      never  = []
      bury   = []
      delete = []
    }
    model_training = {
      read  = ["backbones/", "raw/", "datasets/", "models/", "trials/", "jobs/model_training/"]
      write = ["models/", "trials/", "jobs/model_training/"]
      tag   = []
      # It deletes for all, so that one function may: who reads uploads cannot touch a model.
      bury   = ["datasets/*/dataset.json", "datasets/*/manifest.json"]
      delete = ["datasets/", "models/"]
      never  = []
    }
    inference = {
      read   = concat(["models/"], var.images_by_key ? ["raw/"] : [])
      write  = []
      tag    = []
      never  = ["models/*.joblib"] # what unpickles; NOT_SERVED in lambda_src/common/registry.py
      bury   = []
      delete = []
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# ARNs come from names: the functions and their log groups need these roles first.
locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  account   = data.aws_caller_identity.current.account_id

  # Roles have no region of their own, so their names say it. Names are unique whatever the path, so that one at another path has another name.
  role_suffix    = var.roles.path == "/" ? "" : "-${substr(sha256(var.roles.path), 0, 6)}"
  role_names     = { for function in keys(local.access) : function => "${var.name}-${function}-${local.region}${local.role_suffix}" }
  function_names = { for function in keys(local.access) : function => "${var.name}-${function}" }
  function_arns  = { for function, name in local.function_names : function => "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${name}" }
  alias_arns     = { for function, arn in local.function_arns : function => "${arn}:${var.alias}" }
  log_group_arns = { for function, name in local.function_names : function => "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${name}" }

  subnet_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]

  failed_jobs_queue_arn = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.failed_jobs_queue}"
  failed_jobs_queue     = "${var.name}-failed-jobs"
}

# Roles that the caller has made are left as they are, without their policies.
locals {
  made = { for function, access in local.access : function => access if !contains(keys(var.roles.arns), function) }
}

data "aws_iam_policy_document" "assume_role" {
  statement {
    sid     = "LambdaAssumesRole"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.made

  name                 = local.role_names[each.key]
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary
  description          = "Execution role of the function ${local.function_names[each.key]}."
  assume_role_policy   = data.aws_iam_policy_document.assume_role.json
  tags                 = var.tags

  # A function has its role until it has the next one.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = local.made

  name   = each.key
  role   = aws_iam_role.this[each.key].id
  policy = data.aws_iam_policy_document.this[each.key].json

  lifecycle {
    create_before_destroy = true
  }
}
