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
    logs = { level = "TRACE" }
  }
  expect_failures = [var.logs]
}

run "log_retention_days" {
  command = plan
  variables {
    logs = { retention_days = 31 }
  }
  expect_failures = [var.logs]
}

run "log_key_is_not_an_alias" {
  command = plan
  variables {
    logs = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/logs" }
  }
  expect_failures = [var.logs]
}

run "memory_size_is_whole" {
  command = plan
  variables {
    functions = { inference = { memory_size = 1024.5 } }
  }
  expect_failures = [var.functions]
}

run "snap_start_excludes_provisioned_concurrency" {
  command = plan
  variables {
    functions = { inference = { snap_start = true, provisioned_concurrency = 1 } }
  }
  expect_failures = [var.functions]
}

run "snap_start_excludes_large_ephemeral_storage" {
  command = plan
  variables {
    functions = { data_processing = { snap_start = true } }
  }
  expect_failures = [var.functions]
}

run "provisioned_concurrency_is_part_of_reserved" {
  command = plan
  variables {
    functions = { inference = { reserved_concurrency = 1, provisioned_concurrency = 2 } }
  }
  expect_failures = [var.functions]
}

run "provisioned_concurrency_is_not_zero" {
  command = plan
  variables {
    functions = { inference = { provisioned_concurrency = 0 } }
  }
  expect_failures = [var.functions]
}

run "reserved_concurrency_is_not_negative" {
  command = plan
  variables {
    functions = { inference = { reserved_concurrency = -1 } }
  }
  expect_failures = [var.functions]
}

run "vpc_has_security_groups" {
  command = plan
  variables {
    vpc = { subnet_ids = ["subnet-1"], security_group_ids = [] }
  }
  expect_failures = [var.vpc]
}

run "role_path_ends_with_a_slash" {
  command = plan
  variables {
    roles = { path = "/ml" }
  }
  expect_failures = [var.roles]
}

run "permissions_boundary_is_an_arn" {
  command = plan
  variables {
    roles = { permissions_boundary = "Boundary" }
  }
  expect_failures = [var.roles]
}

run "failed_jobs_are_kept_two_weeks_at_most" {
  command = plan
  variables {
    failed_jobs = { retention_days = 15 }
  }
  expect_failures = [var.failed_jobs]
}

run "architecture" {
  command = plan
  variables {
    architecture = "amd64"
  }
  expect_failures = [var.architecture]
}

run "artifacts_in_one_place" {
  command = plan
  variables {
    artifacts = { folder = "dist", bucket = "artifacts" }
  }
  expect_failures = [var.artifacts]
}

run "artifacts_prefix_needs_a_bucket" {
  command = plan
  variables {
    artifacts = { prefix = "releases/" }
  }
  expect_failures = [var.artifacts]
}

run "data_bucket_is_a_name" {
  command = plan
  variables {
    data_bucket = { name = "arn:aws:s3:::data" }
  }
  expect_failures = [var.data_bucket]
}

run "lifecycle_rules_are_whole_days" {
  command = plan
  variables {
    lifecycle_rules = { raw_data_days = 0 }
  }
  expect_failures = [var.lifecycle_rules]
}

run "kms_key_arn_is_not_an_alias" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/data"
  }
  expect_failures = [var.kms_key_arn]
}
