# Every validation refuses what it should, at plan time. A run gives bad values to several variables at once, since runs are what takes time.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = module.storage.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.iam.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.rest_api.data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name = "ml"
}

run "refused_1" {
  command = plan
  variables {
    name            = "Machine_Learning"
    functions       = { inference = { memory_size = 64 } }
    logs            = { level = "TRACE" }
    vpc             = { subnet_ids = ["subnet-1"], security_group_ids = [] }
    roles           = { path = "/ml" }
    failed_jobs     = { retention_days = 15 }
    architecture    = "amd64"
    artifacts       = { folder = "dist", bucket = "artifacts" }
    backbones       = ["face_detector.onnx"]
    data_bucket     = { name = "arn:aws:s3:::data" }
    lifecycle_rules = { raw_data_days = 0 }
    kms_key_arn     = "arn:aws:kms:us-east-1:123456789012:alias/data"
    authorization   = { type = "none" }
    api             = { stage_name = "v1/prod" }
    alarms          = { topic_arn = "operators" }
    budget          = { monthly_usd = 0, emails = ["a@example.com"] }
    uploads         = { max_bytes = 5368709121 }

    function_additions = { training = {} }
    data_bucket_access = { model_readers = ["*"] }
  }
  expect_failures = [var.backbones, var.function_additions, var.data_bucket_access, var.uploads, var.alarms, var.budget, var.name, var.functions, var.logs, var.vpc, var.roles, var.failed_jobs, var.architecture, var.artifacts, var.data_bucket, var.lifecycle_rules, var.kms_key_arn, var.authorization, var.api]
}

run "refused_2" {
  command = plan
  variables {
    name           = "a-name-that-is-far-too-long"
    functions      = { inference = { memory_size = 1024.5 } }
    logs           = { retention_days = 31 }
    roles          = { permissions_boundary = "Boundary" }
    preload_models = ["A model"]
    artifacts      = { prefix = "releases/" }
    data_bucket    = { name = "data", prefix = "/ml" }
    authorization  = { type = "COGNITO" }
    api            = { execution_logs = "DEBUG" }
    alarms         = { topic_arn = "arn:aws:sns:us-east-1:123456789012:operators", errors = 0 }
    budget         = { monthly_usd = 10, emails = [] }
    uploads        = { max_bytes = 0 }

    function_additions = { inference = { environment = { AWS_REGION = "us-east-1" } } }
    data_bucket_access = { statements = [{ sid = "Write", effect = "allow", principals = ["*"], actions = ["s3:PutObject"], paths = ["raw/*"] }] }
  }
  expect_failures = [var.function_additions, var.data_bucket_access, var.uploads, var.alarms, var.budget, var.name, var.functions, var.logs, var.roles, var.preload_models, var.artifacts, var.data_bucket, var.authorization, var.api]
}

run "refused_3" {
  command = plan
  variables {
    functions     = { model_training = { timeout = 901 } }
    logs          = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/logs" }
    authorization = { user_pool_arns = ["arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a"] }
    api           = { allowed_networks = ["203.0.113.7"] }
    alarms        = { topic_arn = "arn:aws:sns:us-east-1:123456789012:operators", duration_percent = 101 }
    budget        = { monthly_usd = 10, emails = ["a@example.com"], percents = [20, 40, 60, 80, 100] }
    failed_jobs   = { kms_key_arn = "alias/queue" }

    function_additions = { inference = { environment_kms_key_arn = "alias/environment" } }
    data_bucket_access = { statements = [{ sid = "ReadModels", principals = ["*"], actions = ["s3:GetObject"], paths = ["models/*"] }] }
  }
  expect_failures = [var.failed_jobs, var.function_additions, var.data_bucket_access, var.alarms, var.budget, var.functions, var.logs, var.authorization, var.api]
}

run "refused_4" {
  command = plan
  variables {
    functions     = { data_processing = { ephemeral_storage = 20480 } }
    authorization = { scopes = ["ml/predict"] }
    api           = { private = { vpc_endpoint_ids = [] } }
    alarms        = { topic_arn = "arn:aws:sns:us-east-1:123456789012:operators", more_topic_arns = ["pagers"] }
    roles         = { arns = { inference = "serving" } }

    function_additions = { inference = { layers = ["agent"] } }
  }
  expect_failures = [var.alarms, var.roles, var.function_additions, var.functions, var.authorization, var.api]
}

run "refused_5" {
  command = plan
  variables {
    functions     = { inference = { snap_start = true, provisioned_concurrency = 1 } }
    authorization = { type = "LAMBDA" }
    api           = { private = { vpc_endpoint_ids = ["vpce-1"] }, domain = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" } }
    alarms        = { topic_arn = "arn:aws:sns:us-east-1:123456789012:operators", period_seconds = 90 }
    roles         = { arns = { serving = "arn:aws:iam::123456789012:role/serving" } }

    function_additions = { inference = { policy_statements = [{ sid = "Read", effect = "allow", actions = ["dynamodb:GetItem"], resources = ["*"] }] } }
  }
  expect_failures = [var.alarms, var.roles, var.function_additions, var.functions, var.authorization, var.api]
}

run "refused_6" {
  command = plan
  variables {
    functions     = { data_processing = { snap_start = true } } # whose /tmp is 10 GB
    authorization = { type = "LAMBDA", function_arn = "authorize" }
    api           = { timeout_seconds = 28 }
    alarms        = { topic_arn = "arn:aws:sns:us-east-1:123456789012:operators", evaluation_periods = 2, datapoints_to_alarm = 3 }

    function_additions = { inference = { policy_statements = [for action in ["GetItem", "PutItem"] : { sid = "Use", actions = ["dynamodb:${action}"], resources = ["*"] }] } }
  }
  expect_failures = [var.alarms, var.function_additions, var.functions, var.authorization, var.api]
}

run "refused_7" {
  command = plan
  variables {
    functions     = { inference = { reserved_concurrency = 1, provisioned_concurrency = 2 } }
    authorization = { cache_seconds = 3601 }
    api           = { domain = { name = "api.example.com", certificate_arn = "certificate" } }

    function_additions = { inference = { code_signing_config_arn = "signed" } }
  }
  expect_failures = [var.function_additions, var.functions, var.authorization, var.api]
}

run "refused_8" {
  command = plan
  variables {
    authorization = { inference = { type = "none" } }
    functions     = { inference = { provisioned_concurrency = 0 } }
    api           = { domain = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1", base_path = "/ml" } }

    function_additions = { inference = { earlier_version = { version = "live", weight = 0.1 } } }
  }
  expect_failures = [var.function_additions, var.authorization, var.functions, var.api]
}

run "refused_9" {
  command = plan
  variables {
    authorization = { inference = { type = "COGNITO" } }
    functions     = { inference = { reserved_concurrency = -1 } }
    api           = { cors = { allowed_origin = "https://*.example.com" } }

    function_additions = { inference = { earlier_version = { version = "6", weight = 1.1 } } }
  }
  expect_failures = [var.function_additions, var.authorization, var.functions, var.api]
}

run "refused_10" {
  command = plan
  variables {
    authorization = { inference = { scopes = ["ml/predict"] } }
    api           = { throttling = { rate_limit = 0 } }
    functions     = { inference = { max_provisioned_concurrency = 2 } }
  }
  expect_failures = [var.authorization, var.api, var.functions]
}

run "refused_11" {
  command = plan
  variables {
    authorization = { inference = { type = "LAMBDA" } }
    api           = { usage_plans = { basic = { keys = [], rate_limit = 1, burst_limit = 1, quota = { limit = 1, period = "YEAR" } } } }
    # 64 characters each, with the space.
    preload_models = [for number in range(33) : format("%063d", number)]
  }
  expect_failures = [var.authorization, var.api, var.preload_models]
}

run "refused_12" {
  command = plan
  variables {
    authorization  = { inference = { type = "LAMBDA", function_arn = "authorize" } }
    preload_models = ["churn", "Two words"]
    api            = { allowed_principals = ["partner"], domain = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1", tls_policy = "TLS_1_0" } }
    functions      = { inference = { reserved_concurrency = 2, provisioned_concurrency = 1, max_provisioned_concurrency = 3 } }
  }
  expect_failures = [var.authorization, var.preload_models, var.api, var.functions]
}

run "refused_13" {
  command = plan
  variables {
    alarms             = { topic_arn = "arn:aws:sns:us-east-1:123456789012:operators", period_seconds = 3600, evaluation_periods = 200 }
    data_bucket_access = { model_readers = ["arn:aws:iam::210987654321:role/*"] }
    function_additions = { inference = { environment = { LAMBDA_TASK_ROOT = "/" } } }

    api = { domain = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1", mutual_tls = { truststore_uri = "https://example.com/ca.pem" } } }
  }
  expect_failures = [var.api, var.alarms, var.data_bucket_access, var.function_additions]
}

run "refused_14" {
  command = plan
  variables {
    authorization = { inference = { header = "X Custom:er" } }
    alarms        = { topic_arn = "arn:aws:sns:us-east-1:123456789012:operators", more_topic_arns = [for number in range(5) : "arn:aws:sns:us-east-1:123456789012:pager-${number}"] }

    api = { domain = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1", ownership_verification_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/2" } }
  }
  expect_failures = [var.authorization, var.api, var.alarms]
}

run "refused_15" {
  command = plan
  variables {
    api = { domain = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1", ownership_verification_certificate_arn = "certificate", mutual_tls = { truststore_uri = "s3://trust/authorities.pem" } } }
  }
  expect_failures = [var.api]
}

run "refused_16" {
  command = plan
  variables {
    api = { cors = { allowed_origin = "https://app.example.com'" } }
  }
  expect_failures = [var.api]
}

run "refused_17" {
  command = plan
  variables {
    authorization = { type = "API_KEY" }
    api = { usage_plans = {
      "acme"    = { keys = ["eu/prod"], rate_limit = 1, burst_limit = 1 }
      "acme/eu" = { keys = ["prod"], rate_limit = 1, burst_limit = 1 }
    } }
  }
  expect_failures = [var.api]
}

run "an_open_api_is_said_to_be_open" {
  command = plan
  variables {
    authorization = { inference = { type = "NONE" } }
    api           = { allowed_network = ["203.0.113.0/24"] } # which Terraform drops
  }
  expect_failures = [output.api_url]
}

run "functions_wait_as_long_as_the_api" {
  command = plan
  variables {
    api = { timeout_seconds = 60 } # which inference does not
  }
  expect_failures = [output.api_url]
}

run "the_policy_of_a_given_bucket_is_its_owners" {
  command = plan
  variables {
    data_bucket        = { name = "lake", expires_short_lived = true }
    data_bucket_access = { model_readers = ["arn:aws:iam::210987654321:role/serving"] }
  }
  expect_failures = [output.api_url]
}

run "what_the_owner_of_a_bucket_has_to_do" {
  command = plan
  variables {
    data_bucket     = { name = "lake" }
    lifecycle_rules = { raw_data_days = 30 }
  }
  expect_failures = [check.data_bucket]
}

run "open_slow_and_in_another_bucket" {
  command = plan
  variables {
    authorization = { type = "NONE" }
    api           = { allowed_networks = ["0.0.0.0/0", "::/0"], timeout_seconds = 60 }
    functions     = { inference = { timeout = 60 } }
    data_bucket   = { name = "lake", expires_short_lived = true }
  }
}

run "costs_of_a_tag" {
  command = plan
  variables {
    budget = { monthly_usd = 10, emails = ["a@example.com"], cost_tag = { key = "instance", value = "blue" } }
  }

  assert {
    condition     = one(one(aws_budgets_budget.this).cost_filter).values == tolist(["user:instance$blue"])
    error_message = "The budget counts what has the tag."
  }
}
