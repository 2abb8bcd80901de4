# What options add to the roles.

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

  assert {
    condition     = !strcontains(output.policies["inference"], "raw/")
    error_message = "Without images by key inference has no business below raw/."
  }
}

run "deleting" {
  command = plan
  module {
    source = "./modules/iam"
  }

  assert {
    condition     = { for function, policy in output.policies : function => strcontains(policy, "s3:Delete") } == { data_processing = false, model_training = true, inference = false }
    error_message = "One function alone deletes."
  }

  assert {
    condition     = alltrue([for policy in output.policies : !strcontains(policy, "s3:DeleteObjectVersion")])
    error_message = "Nobody removes versions of objects, so that what was deleted can be restored."
  }
}

run "below_a_prefix" {
  command = plan
  module {
    source = "./modules/iam"
  }
  variables {
    data_prefix = "ml/blue/"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [
        for statement in jsondecode(policy).Statement : [
          for resource in flatten([statement.Resource]) : startswith(resource, "arn:aws:s3:::data/ml/blue/") if startswith(resource, "arn:aws:s3:::data/")
        ]
      ]
    ]))
    error_message = "Objects are granted below the prefix only."
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [
        for statement in jsondecode(policy).Statement : [
          for prefix in flatten([statement.Condition.StringLike["s3:prefix"]]) : startswith(prefix, "ml/blue/")
        ] if statement.Sid == "ListPrefixes"
      ]
    ]))
    error_message = "Keys are listed below the prefix only."
  }
}

run "images_by_key" {
  command = plan
  module {
    source = "./modules/iam"
  }
  variables {
    images_by_key = true
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies["inference"]).Statement : contains(statement.Resource, "arn:aws:s3:::data/raw/*") if statement.Sid == "ReadObjects"
    ])
    error_message = "Images by key are read below raw/."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies["inference"]).Statement : contains(statement.Condition.StringLike["s3:prefix"], "raw/*") if statement.Sid == "ListPrefixes"
    ])
    error_message = "A key below raw/ is looked up before it is read."
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

run "nothing_is_granted_on_everything" {
  command = plan
  module {
    source = "./modules/iam"
  }

  assert {
    condition = alltrue([
      for policy in output.policies : alltrue([
        for statement in jsondecode(policy).Statement : !contains(flatten([statement.Resource]), "*")
      ])
    ])
    error_message = "By default no statement has Resource *."
  }
}

run "options" {
  command = plan
  module {
    source = "./modules/iam"
  }
  variables {
    tracing           = true
    in_vpc            = true
    keeps_failed_jobs = true
    roles             = { path = "/ml/", permissions_boundary = "arn:aws:iam::123456789012:policy/boundary" }
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.path == "/ml/" && role.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"])
    error_message = "Roles have the path and the boundary."
  }

  assert {
    condition     = startswith(aws_iam_role.this["inference"].name, "ml-inference-us-east-1-")
    error_message = "Roles are named by region: IAM is the same in all of them."
  }

  assert {
    condition = alltrue([
      for policy in output.policies : toset([
        for statement in jsondecode(policy).Statement : statement.Sid if contains(flatten([statement.Resource]), "*")
      ]) == toset(["AttachToSubnets", "KeepCodeFromSubnets", "WriteTraces"])
    ])
    error_message = "Only what has no resources to name is granted on *."
  }

  assert {
    condition = { for function, policy in output.policies : function => [
      for statement in jsondecode(policy).Statement : statement.Resource if statement.Sid == "KeepFailedJobs"
      ] } == {
      data_processing = ["arn:aws:sqs:us-east-1:123456789012:ml-failed-jobs"]
      model_training  = ["arn:aws:sqs:us-east-1:123456789012:ml-failed-jobs"]
      inference       = []
    }
    error_message = "Functions that run jobs may write to the queue of failed ones, and to no other."
  }
}
