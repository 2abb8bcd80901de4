# What a key of one's own adds to the roles.

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
  name            = "ml"
  alias           = "live"
  data_bucket_arn = "arn:aws:s3:::data"
}

run "no_key" {
  command = plan
  module {
    source = "./modules/iam"
  }

  assert {
    condition     = alltrue([for policy in output.policies : !strcontains(policy, "kms:")])
    error_message = "Without a key there is nothing to grant."
  }
}

run "own_key" {
  command = plan
  module {
    source = "./modules/iam"
  }
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }

  assert {
    condition     = alltrue([for policy in output.policies : strcontains(policy, "kms:Decrypt") && strcontains(policy, "s3.us-east-1.amazonaws.com")])
    error_message = "Every function can read with the key, through S3."
  }

  assert {
    condition     = { for function, policy in output.policies : function => strcontains(policy, "kms:GenerateDataKey") } == { data_processing = true, model_training = true, inference = false }
    error_message = "Only functions that write can make data keys."
  }
}
