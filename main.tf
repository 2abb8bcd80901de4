locals {
  alias = "live"

  descriptions = {
    data_processing = "Cleans raw data into versioned datasets."
    model_training  = "Trains, compares and publishes models."
    inference       = "Answers predictions from published models."
  }
}

module "storage" {
  source = "./modules/storage"

  name            = var.name
  kms_key_arn     = var.kms_key_arn
  lifecycle_rules = var.lifecycle_rules
  force_destroy   = var.force_destroy
  tags            = var.tags
}

module "iam" {
  source = "./modules/iam"

  name            = var.name
  alias           = local.alias
  data_bucket_arn = module.storage.data_bucket_arn
  kms_key_arn     = var.kms_key_arn
  tags            = var.tags
}

module "function" {
  source   = "./modules/function"
  for_each = local.descriptions

  name               = module.iam.function_names[each.key]
  description        = each.value
  alias              = local.alias
  role_arn           = module.iam.role_arns[each.key]
  handler            = local.code[each.key].built.handler
  runtime            = "python${local.python}"
  architecture       = local.code[each.key].built.architecture
  memory_size        = var.functions[each.key].memory_size
  timeout            = var.functions[each.key].timeout
  ephemeral_storage  = var.functions[each.key].ephemeral_storage
  log_retention_days = var.log_retention_days
  tags               = var.tags

  code = {
    bucket = module.storage.artifacts_bucket
    key    = aws_s3_object.code[each.key].key
    sha256 = local.code[each.key].sha256_base64
  }

  environment = {
    CODE_VERSION = "${local.module_version}+${substr(local.code[each.key].sha256, 0, 12)}"
    DATA_BUCKET  = module.storage.data_bucket
    LOG_LEVEL    = var.log_level
  }
}

module "rest_api" {
  source = "./modules/rest_api"

  name          = var.name
  functions     = module.function
  stage_name    = var.stage_name
  authorization = var.authorization
  throttling    = var.throttling
  tags          = var.tags
}
