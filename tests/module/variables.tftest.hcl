# Every validation refuses what it should, at plan time.

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

variables {
  name = "ml"
}

run "name_is_part_of_bucket_names" {
  command = plan
  variables {
    name = "Machine_Learning"
  }
  expect_failures = [var.name]
}

run "name_leaves_room_in_bucket_names" {
  command = plan
  variables {
    name = "a-name-that-is-far-too-long"
  }
  expect_failures = [var.name]
}

run "memory_size" {
  command = plan
  variables {
    functions = { inference = { memory_size = 64 } }
  }
  expect_failures = [var.functions]
}

run "timeout" {
  command = plan
  variables {
    functions = { model_training = { timeout = 901 } }
  }
  expect_failures = [var.functions]
}

run "ephemeral_storage" {
  command = plan
  variables {
    functions = { data_processing = { ephemeral_storage = 20480 } }
  }
  expect_failures = [var.functions]
}

run "stage_name" {
  command = plan
  variables {
    stage_name = "v1/prod"
  }
  expect_failures = [var.stage_name]
}

run "authorization" {
  command = plan
  variables {
    authorization = "none"
  }
  expect_failures = [var.authorization]
}

run "throttling" {
  command = plan
  variables {
    throttling = { rate_limit = 0 }
  }
  expect_failures = [var.throttling]
}

run "log_level" {
  command = plan
  variables {
    log_level = "TRACE"
  }
  expect_failures = [var.log_level]
}

run "log_retention_days" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}

run "kms_key_arn_is_not_an_alias" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/data"
  }
  expect_failures = [var.kms_key_arn]
}
