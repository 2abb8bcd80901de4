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
  job_functions   = ["data_processing", "model_training"]
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
    tracing     = true
    in_vpc      = true
    failed_jobs = {}
    roles       = { path = "/ml/", permissions_boundary = "arn:aws:iam::123456789012:policy/boundary" }
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

run "own_roles" {
  command = plan
  module {
    source = "./modules/iam"
  }
  variables {
    roles = { arns = { inference = "arn:aws:iam::123456789012:role/teams/serving" } }
  }

  assert {
    condition     = toset(keys(aws_iam_role.this)) == toset(["data_processing", "model_training"]) && keys(aws_iam_role_policy.this) == keys(aws_iam_role.this)
    error_message = "A role that exists is neither made nor given a policy."
  }

  assert {
    condition     = output.role_arns["inference"] == "arn:aws:iam::123456789012:role/teams/serving" && output.role_names["inference"] == "serving"
    error_message = "The function gets the caller's role."
  }

  assert {
    condition     = strcontains(output.policies["inference"], "NeverReadObjects")
    error_message = "What the role has to allow can be read all the same."
  }
}

run "added_statements" {
  command = plan
  module {
    source = "./modules/iam"
  }
  variables {
    failed_jobs = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/2" }
    policy_statements = {
      inference = [{
        sid        = "ReadFeatures"
        actions    = ["dynamodb:GetItem"]
        resources  = ["arn:aws:dynamodb:us-east-1:123456789012:table/features"]
        conditions = [{ test = "StringEquals", variable = "aws:RequestedRegion", values = ["us-east-1"] }]
      }]
    }
  }

  assert {
    condition = { for function, policy in output.policies : function => [for statement in jsondecode(policy).Statement : statement if statement.Sid == "ReadFeatures"] } == {
      data_processing = []
      model_training  = []
      inference = [{
        Sid       = "ReadFeatures"
        Effect    = "Allow"
        Action    = "dynamodb:GetItem"
        Resource  = "arn:aws:dynamodb:us-east-1:123456789012:table/features"
        Condition = { StringEquals = { "aws:RequestedRegion" = "us-east-1" } }
      }]
    }
    error_message = "One function gets what is added for it."
  }

  assert {
    condition = { for function, policy in output.policies : function => [
      for statement in jsondecode(policy).Statement : [statement.Resource, statement.Condition.StringLike["kms:ViaService"]] if statement.Sid == "UseKeyOfFailedJobs"
      ] } == {
      data_processing = [["arn:aws:kms:us-east-1:123456789012:key/2", "sqs.us-east-1.amazonaws.com"]]
      model_training  = [["arn:aws:kms:us-east-1:123456789012:key/2", "sqs.us-east-1.amazonaws.com"]]
      inference       = []
    }
    error_message = "Functions that write to the queue may use its key, through SQS."
  }
}
