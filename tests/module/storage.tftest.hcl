# Which buckets there are, their encryption and retention.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name = "ml"
}

run "defaults" {
  command = plan
  module {
    source = "./modules/storage"
  }

  assert {
    condition     = output.data_bucket == "ml-data-123456789012-us-east-1" && output.artifacts_bucket == "ml-artifacts-123456789012-us-east-1"
    error_message = "Bucket names hold the account and the region."
  }

  assert {
    condition = alltrue([
      for encryption in aws_s3_bucket_server_side_encryption_configuration.this :
      one(one(encryption.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    ])
    error_message = "S3 encrypts by default."
  }

  assert {
    condition     = length(aws_s3_bucket_cors_configuration.data) == 0
    error_message = "Pages of other origins may send nothing by default."
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 2
    error_message = "Lifecycle rules are on by default."
  }

  assert {
    condition = alltrue([
      for lifecycle in aws_s3_bucket_lifecycle_configuration.this : anytrue([
        for rule in lifecycle.rule : anytrue([for expiration in rule.expiration : expiration.expired_object_delete_marker == true])
      ])
    ])
    error_message = "Markers of what was deleted go once nothing is below them."
  }
}

run "uploads_of_pages" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    cors = { allowed_origin = "https://app.example.com", max_age = 600 }
  }

  assert {
    condition = (
      keys(aws_s3_bucket_cors_configuration.data) == ["data"] &&
      one(one(values(aws_s3_bucket_cors_configuration.data)).cors_rule).allowed_methods == toset(["PUT"]) &&
      one(one(values(aws_s3_bucket_cors_configuration.data)).cors_rule).allowed_origins == toset(["https://app.example.com"]) &&
      contains(one(one(values(aws_s3_bucket_cors_configuration.data)).cors_rule).allowed_headers, "If-None-Match")
    )
    error_message = "A page of the given origin may send what a presigned URL of an upload takes, and to the data bucket alone."
  }
}

run "own_key" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }

  assert {
    condition = alltrue([
      for encryption in aws_s3_bucket_server_side_encryption_configuration.this :
      one(one(encryption.rule).apply_server_side_encryption_by_default).kms_master_key_id == "arn:aws:kms:us-east-1:123456789012:key/1"
    ])
    error_message = "Both buckets encrypt with the given key."
  }
}

run "no_lifecycle" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    lifecycle_rules = null
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "Lifecycle rules can be switched off."
  }
}

run "raw_data_jobs_and_trials_expire" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    lifecycle_rules = { raw_data_days = 30, job_days = 90 }
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this["data"].rule : rule.filter[0].prefix => rule.expiration[0].days
      if length(rule.expiration) > 0 && length(rule.filter[0].tag) == 0 && rule.id != "expire-noncurrent-versions"
    } == { "raw/" = 30, "jobs/" = 90, "trials/" = 30 }
    error_message = "Raw data, jobs and trials expire, nothing else does."
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this["data"].rule : rule.filter[0].prefix => rule.noncurrent_version_expiration[0].noncurrent_days
      if contains(["expire-raw", "expire-jobs", "expire-trials"], rule.id)
    } == { "raw/" = 1, "jobs/" = 1, "trials/" = 1 }
    error_message = "What expires goes for good, and is not kept as an earlier version."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.this["data"].rule :
      [rule.filter[0].tag[0].key, rule.filter[0].tag[0].value, rule.expiration[0].days, rule.noncurrent_version_expiration[0].noncurrent_days]
      if length(rule.filter[0].tag) > 0
    ] == [["lifetime", "short", 1, 1]]
    error_message = "What is tagged as short-lived expires after a day, and so do its earlier versions."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this["artifacts"].rule : length(rule.expiration) == 0 || rule.id == "expire-noncurrent-versions"])
    error_message = "Code in use never expires."
  }
}

run "existing_bucket" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    data_bucket = { name = "lake" }
  }

  assert {
    condition     = output.data_bucket == "lake" && output.data_bucket_arn == "arn:aws:s3:::lake"
    error_message = "The given bucket is used."
  }

  assert {
    condition     = keys(aws_s3_bucket.this) == ["artifacts"] && keys(aws_s3_bucket_policy.this) == ["artifacts"] && keys(aws_s3_bucket_lifecycle_configuration.this) == ["artifacts"]
    error_message = "The given bucket stays as its owner made it."
  }
}

run "published_code" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    keeps_code = false
  }

  assert {
    condition     = keys(aws_s3_bucket.this) == ["data"] && output.artifacts_bucket == null
    error_message = "Code that is elsewhere needs no bucket here."
  }
}

run "shared_with_others" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    access = {
      model_readers = ["arn:aws:iam::210987654321:role/serving"]
      statements = [{
        sid        = "DeliverData"
        principals = ["arn:aws:iam::210987654321:role/crm"]
        actions    = ["s3:PutObject"]
        paths      = ["raw/crm/*"]
        }, {
        sid        = "MakeFolder"
        principals = ["arn:aws:iam::210987654321:role/crm"]
        actions    = ["s3:PutObject"]
        paths      = ["raw/"]
        }, {
        sid        = "SeeVersioning"
        principals = ["arn:aws:iam::210987654321:role/crm"]
        actions    = ["s3:GetBucketVersioning"]
        paths      = [""]
      }]
    }
    logs = { bucket = "access-logs", prefix = "s3/" }
  }

  assert {
    condition = { for kind, policy in aws_s3_bucket_policy.this : kind => [for statement in jsondecode(policy.policy).Statement : statement.Sid] } == {
      data      = ["DenyInsecureTransport", "DeliverData", "ListModels", "MakeFolder", "ReadModels", "SeeVersioning"]
      artifacts = ["DenyInsecureTransport"]
    }
    error_message = "The data bucket alone is shared."
  }

  assert {
    condition = [for statement in jsondecode(aws_s3_bucket_policy.this["data"].policy).Statement : [statement.Principal.AWS, statement.Action, statement.Resource] if contains(["DeliverData", "ReadModels"], statement.Sid)] == [
      ["arn:aws:iam::210987654321:role/crm", "s3:PutObject", "arn:aws:s3:::ml-data-123456789012-us-east-1/raw/crm/*"],
      ["arn:aws:iam::210987654321:role/serving", "s3:GetObject", "arn:aws:s3:::ml-data-123456789012-us-east-1/models/*"],
    ]
    error_message = "Each principal may do what was said, and nothing else."
  }

  assert {
    condition = { for statement in jsondecode(aws_s3_bucket_policy.this["data"].policy).Statement : statement.Sid => statement.Resource if contains(["MakeFolder", "SeeVersioning"], statement.Sid) } == {
      MakeFolder    = "arn:aws:s3:::ml-data-123456789012-us-east-1/raw/"
      SeeVersioning = "arn:aws:s3:::ml-data-123456789012-us-east-1"
    }
    error_message = "A key may end in a slash, and an empty path is the bucket."
  }

  assert {
    condition     = { for kind, logging in aws_s3_bucket_logging.this : kind => "${logging.target_bucket}/${logging.target_prefix}" } == { data = "access-logs/s3/ml-data-123456789012-us-east-1/", artifacts = "access-logs/s3/ml-artifacts-123456789012-us-east-1/" }
    error_message = "Requests to both are logged."
  }
}
