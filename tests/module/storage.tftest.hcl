# Encryption and retention of the buckets.

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
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 2
    error_message = "Lifecycle rules are on by default."
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
