locals {
  alias       = "live"
  data_prefix = try(var.data_bucket.prefix, "")

  # What each function is, said once for Terraform, the build and the tests: scripts/functions.py explains the fields.
  functions = jsondecode(file("${path.module}/modules/functions.json"))
}

data "aws_partition" "current" {}

module "storage" {
  source = "./modules/storage"

  name            = var.name
  data_bucket     = var.data_bucket
  keeps_code      = !local.published
  kms_key_arn     = var.kms_key_arn
  cors            = var.api.cors
  access          = var.data_bucket_access
  logs            = var.bucket_logs
  lifecycle_rules = var.lifecycle_rules
  force_destroy   = var.force_destroy
  tags            = var.tags
}

module "iam" {
  source = "./modules/iam"

  name            = var.name
  alias           = local.alias
  data_bucket_arn = module.storage.data_bucket_arn
  data_prefix     = local.data_prefix
  kms_key_arn     = var.kms_key_arn
  roles           = var.roles
  tracing         = var.tracing
  in_vpc          = var.vpc != null
  tags            = var.tags

  job_functions     = [for key, function in local.functions : key if function.runs_jobs]
  images_by_key     = var.images_by_key
  failed_jobs       = var.failed_jobs
  policy_statements = { for key, additions in var.function_additions : key => additions.policy_statements }
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name         = module.iam.function_names[each.key]
  description  = each.value.description
  alias        = local.alias
  role_arn     = module.iam.role_arns[each.key]
  handler      = each.value.handler
  runtime      = "python${local.python}"
  architecture = var.architecture
  settings     = var.functions[each.key]
  additions    = try(var.function_additions[each.key], {})
  logs         = var.logs
  tracing      = var.tracing
  vpc          = var.vpc
  on_failure   = one([for queue in aws_sqs_queue.failed_jobs : { destination_arn = queue.arn } if each.value.runs_jobs])
  tags         = var.tags

  code = {
    bucket = local.code[each.key].bucket
    key    = local.code[each.key].key
    sha256 = local.built[each.key].code_sha256
  }

  environment = merge(
    {
      API_SECONDS  = tostring(var.api.timeout_seconds)
      CODE_VERSION = "${local.module_version}+${substr(local.built[each.key].sha256, 0, 12)}"
      DATA_BUCKET  = module.storage.data_bucket
      DATA_PREFIX  = local.data_prefix
      LOG_LEVEL    = var.logs.level
    },
    { for cors in var.api.cors[*] : "ALLOWED_ORIGIN" => cors.allowed_origin },
    each.key == "data_processing" ? { MAX_UPLOAD_BYTES = tostring(var.uploads.max_bytes) } : {},
    each.key == "inference" ? {
      DNS_SUFFIX     = data.aws_partition.current.dns_suffix
      IMAGES_BY_KEY  = tostring(var.images_by_key)
      PRELOAD_MODELS = join(" ", var.preload_models)
    } : {},
  )
}

module "rest_api" {
  source = "./modules/rest_api"

  name          = var.name
  functions     = module.function
  authorization = var.authorization
  api           = var.api
  logs          = var.logs
  tracing       = var.tracing
  tags          = var.tags
}

module "monitoring" {
  source = "./modules/monitoring"

  name              = var.name
  api               = { name = module.rest_api.name, stage = module.rest_api.stage_name }
  functions         = { for key, function in module.function : key => { name = function.name, timeout = var.functions[key].timeout, runs_jobs = local.functions[key].runs_jobs } }
  failed_jobs_queue = one([for queue in aws_sqs_queue.failed_jobs : { name = queue.name }])
  alarms            = var.alarms
  dashboard         = var.dashboard
  tags              = var.tags
}
