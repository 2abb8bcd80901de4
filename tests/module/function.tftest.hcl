# What the settings of a function become.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  name     = "ml-inference"
  role_arn = "arn:aws:iam::123456789012:role/ml-inference"
  handler  = "inference.handler.handler"
  code     = { bucket = "code", key = "inference/1.zip", sha256 = "MQ==" }
  settings = { memory_size = 1024, timeout = 30 }
}

run "defaults" {
  command = plan
  module {
    source = "./modules/function"
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1 && length(aws_lambda_provisioned_concurrency_config.this) == 0
    error_message = "Nothing is reserved or provisioned: a new account has 10 executions in all."
  }

  assert {
    condition     = length(aws_lambda_function.this.snap_start) == 0 && length(aws_lambda_function.this.vpc_config) == 0 && aws_lambda_function.this.tracing_config[0].mode == "PassThrough"
    error_message = "What costs or has to be set up elsewhere is off."
  }

  assert {
    condition     = length(aws_lambda_function_event_invoke_config.this.destination_config) == 0
    error_message = "No destination is made up."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/ml-inference" && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "Logs are kept 30 days."
  }
}

run "kept_warm" {
  command = plan
  module {
    source = "./modules/function"
  }
  variables {
    settings = { memory_size = 1769, timeout = 10, reserved_concurrency = 20, provisioned_concurrency = 5 }
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 20
    error_message = "Executions are reserved."
  }

  assert {
    condition     = one(aws_lambda_provisioned_concurrency_config.fixed).provisioned_concurrent_executions == 5 && one(aws_lambda_provisioned_concurrency_config.this).qualifier == "live"
    error_message = "Executions of the alias are kept warm."
  }
}

run "stopped" {
  command = plan
  module {
    source = "./modules/function"
  }
  variables {
    settings = { memory_size = 1769, timeout = 10, reserved_concurrency = 0 }
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 0
    error_message = "None is not the same as no limit."
  }
}

run "everything_else" {
  command = plan
  module {
    source = "./modules/function"
  }
  variables {
    settings   = { memory_size = 1024, timeout = 30, snap_start = true }
    tracing    = true
    vpc        = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    logs       = { retention_days = 365, kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1" }
    on_failure = { destination_arn = "arn:aws:sqs:us-east-1:123456789012:failed" }
  }

  assert {
    condition     = aws_lambda_function.this.snap_start[0].apply_on == "PublishedVersions"
    error_message = "Versions start from a snapshot."
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "X-Ray traces."
  }

  assert {
    condition     = aws_lambda_function.this.vpc_config[0].subnet_ids == toset(["subnet-1"]) && aws_lambda_function.this.vpc_config[0].security_group_ids == toset(["sg-1"])
    error_message = "The function is in the VPC."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 365 && aws_cloudwatch_log_group.this.kms_key_id == "arn:aws:kms:us-east-1:123456789012:key/1"
    error_message = "Logs are encrypted, and kept as long as asked."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.this.destination_config[0].on_failure[0].destination == "arn:aws:sqs:us-east-1:123456789012:failed"
    error_message = "Failed events go to their destination."
  }
}

run "additions" {
  command = plan
  module {
    source = "./modules/function"
  }
  variables {
    environment = { LOG_LEVEL = "INFO" }
    additions = {
      environment             = { FEATURE_TABLE = "features" }
      environment_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
      layers                  = ["arn:aws:lambda:us-east-1:123456789012:layer:agent:7"]
      code_signing_config_arn = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
      earlier_version         = { version = "6", weight = 0.9 }
    }
    logs = { outlast_destroy = true }
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables == tomap({ LOG_LEVEL = "INFO", FEATURE_TABLE = "features" })
    error_message = "Variables are added to the module's."
  }

  assert {
    condition = [aws_lambda_function.this.kms_key_arn, aws_lambda_function.this.layers, aws_lambda_function.this.code_signing_config_arn] == [
      "arn:aws:kms:us-east-1:123456789012:key/1",
      tolist(["arn:aws:lambda:us-east-1:123456789012:layer:agent:7"]),
      "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0",
    ]
    error_message = "Key, layers and signing are the caller's."
  }

  assert {
    condition     = one(aws_lambda_alias.this.routing_config).additional_version_weights == tomap({ "6" = 0.9 })
    error_message = "The earlier version keeps its share."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.skip_destroy
    error_message = "The logs stay when the rest goes."
  }
}

run "variables_of_the_module_are_not_replaced" {
  command = plan
  module {
    source = "./modules/function"
  }
  variables {
    environment = { LOG_LEVEL = "INFO" }
    additions   = { environment = { LOG_LEVEL = "DEBUG" } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "shares_are_not_kept_warm" {
  command = plan
  module {
    source = "./modules/function"
  }
  variables {
    settings  = { memory_size = 1769, timeout = 10, provisioned_concurrency = 2 }
    additions = { earlier_version = { version = "6", weight = 0.9 } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "kept_warm_by_use" {
  command = plan
  module {
    source = "./modules/function"
  }
  variables {
    settings = { memory_size = 1769, timeout = 10, provisioned_concurrency = 2, max_provisioned_concurrency = 20 }
  }

  assert {
    condition     = length(aws_lambda_provisioned_concurrency_config.this) == 1 && length(aws_lambda_provisioned_concurrency_config.fixed) == 0
    error_message = "Terraform does not put back the number that scaling has set."
  }

  assert {
    condition     = [one(aws_appautoscaling_target.this).min_capacity, one(aws_appautoscaling_target.this).max_capacity, one(aws_appautoscaling_target.this).resource_id] == [2, 20, "function:ml-inference:live"]
    error_message = "Executions of the alias are kept warm from the least to the most."
  }
}
