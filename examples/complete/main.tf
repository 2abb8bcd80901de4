provider "aws" {
  region = var.region

  default_tags {
    tags = { service = var.name }
  }
}

module "ml" {
  source = "../.."

  name        = var.name
  tags        = { owner = var.owner }
  kms_key_arn = var.kms_key_arn

  functions = {
    data_processing = { memory_size = 3008 }
    model_training  = { memory_size = 3008 }
    inference       = { memory_size = 1769, snap_start = true }
  }

  function_additions = {
    for function in ["data_processing", "model_training", "inference"] : function => { environment_kms_key_arn = var.kms_key_arn }
  }

  authorization = {
    type      = "AWS_IAM"
    inference = { type = "API_KEY" }
  }

  api = {
    access_logs      = true
    execution_logs   = "ERROR"
    detailed_metrics = true
    allowed_networks = var.allowed_networks
    cors             = { allowed_origin = var.origin }
    throttling = {
      rate_limit  = 50
      burst_limit = 100
      routes      = { "POST /inference" = { rate_limit = 200, burst_limit = 400 } }
    }
    usage_plans = {
      partners = {
        keys        = ["acme"]
        rate_limit  = 20
        burst_limit = 40
        quota       = { limit = 100000, period = "MONTH" }
      }
    }
  }

  logs            = { level = "INFO", retention_days = 90, kms_key_arn = var.kms_key_arn }
  tracing         = true
  failed_jobs     = { retention_days = 14, kms_key_arn = var.kms_key_arn }
  alarms          = { topic_arn = aws_sns_topic.alarms.arn, latency_ms = 2000, error_percent = 5, composite = true }
  dashboard       = true
  budget          = { monthly_usd = 100, emails = [var.owner], cost_tag = { key = "service", value = var.name } }
  lifecycle_rules = { raw_data_days = 90, job_days = 30 }
  force_destroy   = var.force_destroy
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_subscription" "alarms" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.owner
}
