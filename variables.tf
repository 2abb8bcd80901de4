variable "name" {
  description = "Prefix of the names of all resources: functions, roles, buckets, the API."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.name))
    error_message = "name is ${jsonencode(var.name)}: it has to be 2 to 24 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen: it becomes part of bucket names."
  }
}

variable "tags" {
  description = "Tags of all resources that can have tags. Objects in S3 get none of them: they can have ten at most."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "artifacts" {
  description = "Where the functions' zips and their manifest are: a folder or a bucket."
  type = object({
    # Folder with the output of `make build`. The default is dist/ in this module.
    folder = optional(string)
    # Bucket, in the same region, with the output of `make publish`.
    bucket = optional(string)
    # Prefix of the keys in that bucket.
    prefix = optional(string, "")
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.artifacts.folder == null || var.artifacts.bucket == null
    error_message = "artifacts has a folder or a bucket, not both."
  }

  validation {
    condition     = var.artifacts.prefix == "" || var.artifacts.bucket != null
    error_message = "artifacts.prefix is a prefix in artifacts.bucket, which is missing."
  }
}

variable "backbones" {
  description = "Pretrained networks to upload: efficientnet_lite0, face_detector, face_embedding, face_landmarks. `make backbones` writes them to backbones/ beside the zips. If several instances share a bucket and a prefix, only one of them names networks. Null uploads none, and a plan warns if there are any."
  type        = set(string)
  default     = null

  validation {
    condition     = alltrue([for name in coalesce(var.backbones, []) : can(regex("^[a-z0-9_]+$", name))])
    error_message = "backbones has ${join(" and ", [for name in coalesce(var.backbones, []) : jsonencode(name) if !can(regex("^[a-z0-9_]+$", name))])}: they are named without a folder and without .onnx, such as efficientnet_lite0."
  }
}

variable "architecture" {
  description = "Instruction set of the functions: x86_64 or arm64. The zips must have been built for it."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is ${jsonencode(var.architecture)}: it has to be x86_64 or arm64."
  }
}

variable "functions" {
  description = "Memory, timeout, storage and concurrency of each function. benchmarks/README.md has the measurements behind the defaults."
  type = object({
    # The function that creates datasets.
    data_processing = optional(object({
      # MB of memory, from 128 to 10,240. One vCPU comes with 1,769 MB. New accounts are limited to 3,008 MB, which is the default of
      # model_training. data_processing needs half of its default for a file of 1 GB. inference costs the same per prediction from 128 to
      # 1,024 MB, but a cold start takes 2 s with 128 MB and 0.3 s with 1,024 MB.
      memory_size = optional(number, 2048)
      # Timeout of an invocation in seconds, up to 900. The API waits for api.timeout_seconds at most.
      timeout = optional(number, 900)
      # Size of /tmp in MB, from 512 to 10,240.
      ephemeral_storage = optional(number, 10240)
      # Reserved concurrency: the function gets at least and at most this many concurrent executions. 0 stops the function. The account
      # must keep 100 unreserved executions. Null reserves none.
      reserved_concurrency = optional(number)
      # Provisioned concurrency: executions that are always warm, billed by the hour. Null provisions none.
      provisioned_concurrency = optional(number)
      # Upper limit of autoscaling of the warm executions. provisioned_concurrency is its lower limit. Null switches autoscaling off.
      max_provisioned_concurrency = optional(number)
      # Whether new executions resume from a snapshot (SnapStart), billed per resume. It cannot be combined with provisioned_concurrency or
      # with more than 512 MB of ephemeral_storage. Calls may fail for a few minutes after the apply that switches it on, because the
      # provider does not wait for the first snapshot.
      snap_start = optional(bool, false)
    }), {})
    # The function that trains models, moves aliases and deletes models and data.
    model_training = optional(object({
      memory_size                 = optional(number, 3008)
      timeout                     = optional(number, 900)
      ephemeral_storage           = optional(number, 2048)
      reserved_concurrency        = optional(number)
      provisioned_concurrency     = optional(number)
      max_provisioned_concurrency = optional(number)
      snap_start                  = optional(bool, false)
    }), {})
    # The function that predicts.
    inference = optional(object({
      memory_size                 = optional(number, 1024)
      timeout                     = optional(number, 30)
      ephemeral_storage           = optional(number, 512)
      reserved_concurrency        = optional(number)
      provisioned_concurrency     = optional(number)
      max_provisioned_concurrency = optional(number)
      snap_start                  = optional(bool, false)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for function in var.functions : function.memory_size >= 128 && function.memory_size <= 10240 && floor(function.memory_size) == function.memory_size])
    error_message = "${join(" and ", [for name, function in var.functions : "functions.${name}.memory_size is ${jsonencode(function.memory_size)}" if !(function.memory_size >= 128 && function.memory_size <= 10240 && floor(function.memory_size) == function.memory_size)])}: it has to be a whole number of MB from 128 to 10240."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.timeout >= 1 && function.timeout <= 900 && floor(function.timeout) == function.timeout])
    error_message = "${join(" and ", [for name, function in var.functions : "functions.${name}.timeout is ${jsonencode(function.timeout)}" if !(function.timeout >= 1 && function.timeout <= 900 && floor(function.timeout) == function.timeout)])}: it has to be a whole number of seconds from 1 to 900."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.ephemeral_storage >= 512 && function.ephemeral_storage <= 10240 && floor(function.ephemeral_storage) == function.ephemeral_storage])
    error_message = "${join(" and ", [for name, function in var.functions : "functions.${name}.ephemeral_storage is ${jsonencode(function.ephemeral_storage)}" if !(function.ephemeral_storage >= 512 && function.ephemeral_storage <= 10240 && floor(function.ephemeral_storage) == function.ephemeral_storage)])}: it has to be a whole number of MB from 512 to 10240."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.reserved_concurrency == null || try(function.reserved_concurrency >= 0, false)])
    error_message = "${join(" and ", [for name, function in var.functions : "functions.${name}.reserved_concurrency is ${jsonencode(function.reserved_concurrency)}" if !(function.reserved_concurrency == null || try(function.reserved_concurrency >= 0, false))])}: it has to be 0, which stops the function, or more. Null reserves nothing."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.provisioned_concurrency == null || try(function.provisioned_concurrency >= 1, false)])
    error_message = "${join(" and ", [for name, function in var.functions : "functions.${name}.provisioned_concurrency is ${jsonencode(function.provisioned_concurrency)}" if !(function.provisioned_concurrency == null || try(function.provisioned_concurrency >= 1, false))])}: it has to be 1 or more. Null provisions nothing."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.max_provisioned_concurrency == null || try(function.max_provisioned_concurrency >= function.provisioned_concurrency, false)])
    error_message = "${join(" and ", [for name, function in var.functions : "functions.${name}.max_provisioned_concurrency is ${jsonencode(function.max_provisioned_concurrency)}" if !(function.max_provisioned_concurrency == null || try(function.max_provisioned_concurrency >= function.provisioned_concurrency, false))])}: it needs provisioned_concurrency, which it cannot be less than."
  }

  validation {
    condition     = alltrue([for function in var.functions : try(coalesce(function.max_provisioned_concurrency, function.provisioned_concurrency) <= function.reserved_concurrency, true)])
    error_message = "${join(" and ", [for name, function in var.functions : "functions.${name} keeps ${jsonencode(try(coalesce(function.max_provisioned_concurrency, function.provisioned_concurrency), null))} executions warm" if !(try(coalesce(function.max_provisioned_concurrency, function.provisioned_concurrency) <= function.reserved_concurrency, true))])}: they are a part of reserved_concurrency, and cannot be more."
  }

  validation {
    condition     = alltrue([for function in var.functions : !function.snap_start || function.provisioned_concurrency == null])
    error_message = "${join(" and ", [for name, function in var.functions : "functions.${name}.provisioned_concurrency is ${jsonencode(function.provisioned_concurrency)}" if !(!function.snap_start || function.provisioned_concurrency == null)])} beside snap_start, which Lambda refuses: executions resume from a snapshot or are kept warm. Choose one."
  }

  validation {
    condition     = alltrue([for function in var.functions : !function.snap_start || function.ephemeral_storage == 512])
    error_message = "${join(" and ", [for name, function in var.functions : "functions.${name}.ephemeral_storage is ${jsonencode(function.ephemeral_storage)}" if !(!function.snap_start || function.ephemeral_storage == 512)])} beside snap_start, which Lambda refuses: set it to 512."
  }
}

variable "function_additions" {
  description = "Additions to functions, by function: `data_processing`, `model_training` or `inference`."
  type = map(object({
    # Environment variables, in addition to the module's own. All of them together can have 4 KB.
    environment = optional(map(string), {})
    # ARN of the KMS key that encrypts the environment variables. The principal that applies needs kms:CreateGrant on it. Null: Lambda's own key.
    environment_kms_key_arn = optional(string)
    # ARNs of layer versions, five at most, such as that of an observability agent.
    layers = optional(list(string), [])
    # Statements that are added to the policy of the function's role.
    policy_statements = optional(list(object({
      # Name of the statement.
      sid = string
      # Allow or Deny.
      effect = optional(string, "Allow")
      # Actions, such as dynamodb:GetItem.
      actions = list(string)
      # ARNs of the resources.
      resources = list(string)
      # Conditions of the statement.
      conditions = optional(list(object({
        # Operator, such as StringEquals.
        test = string
        # Key, such as aws:RequestedRegion.
        variable = string
        # Values, one of which has to match.
        values = list(string)
      })), [])
    })), [])
    # ARN of a code signing configuration, for zips that AWS Signer has signed (docs/governance.md).
    code_signing_config_arn = optional(string)
    # Canary deployment: an earlier version that gets a share of the invocations. Null sends all invocations to the newest version.
    earlier_version = optional(object({
      # Number of the version.
      version = string
      # Share of the invocations, from 0 to 1.
      weight = number
    }))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.function_additions) : contains(["data_processing", "model_training", "inference"], name)])
    error_message = "function_additions has ${join(" and ", [for name in keys(var.function_additions) : jsonencode(name) if !contains(["data_processing", "model_training", "inference"], name)])}: the functions are data_processing, model_training and inference."
  }

  validation {
    condition     = alltrue(flatten([for additions in var.function_additions : [for name in keys(additions.environment) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name)) && !can(regex("^(AWS_(REGION|DEFAULT_REGION|EXECUTION_ENV|ACCESS_KEY|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|LAMBDA_(FUNCTION_NAME|FUNCTION_MEMORY_SIZE|FUNCTION_VERSION|INITIALIZATION_TYPE|LOG_GROUP_NAME|LOG_STREAM_NAME|RUNTIME_API))|LAMBDA_(TASK_ROOT|RUNTIME_DIR))$", name))]]))
    error_message = "${join(" and ", flatten([for function, additions in var.function_additions : [for name in keys(additions.environment) : "function_additions.${function}.environment has ${jsonencode(name)}" if !(can(regex("^[A-Za-z][A-Za-z0-9_]+$", name)) && !can(regex("^(AWS_(REGION|DEFAULT_REGION|EXECUTION_ENV|ACCESS_KEY|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|LAMBDA_(FUNCTION_NAME|FUNCTION_MEMORY_SIZE|FUNCTION_VERSION|INITIALIZATION_TYPE|LOG_GROUP_NAME|LOG_STREAM_NAME|RUNTIME_API))|LAMBDA_(TASK_ROOT|RUNTIME_DIR))$", name)))]]))}: names are letters, digits and underscores, begin with a letter, and are none that Lambda sets."
  }

  validation {
    condition     = alltrue([for additions in var.function_additions : additions.environment_kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", additions.environment_kms_key_arn))])
    error_message = "${join(" and ", [for function, additions in var.function_additions : "function_additions.${function}.environment_kms_key_arn is ${jsonencode(additions.environment_kms_key_arn)}" if !(additions.environment_kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", additions.environment_kms_key_arn)))])}: it has to be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>."
  }

  validation {
    condition     = alltrue([for additions in var.function_additions : length(additions.layers) <= 5 && alltrue([for arn in additions.layers : can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:layer:[^:]+:[0-9]+$", arn))])])
    error_message = "${join(" and ", [for function, additions in var.function_additions : "function_additions.${function}.layers is ${jsonencode(additions.layers)}" if !(length(additions.layers) <= 5 && alltrue([for arn in additions.layers : can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:layer:[^:]+:[0-9]+$", arn))]))])}: each has to be the ARN of a layer's version, arn:aws:lambda:<region>:<account>:layer:<name>:<version>, and five are the most."
  }

  validation {
    condition     = alltrue(flatten([for additions in var.function_additions : [for statement in additions.policy_statements : contains(["Allow", "Deny"], statement.effect)]]))
    error_message = "${join(" and ", flatten([for function, additions in var.function_additions : [for statement in additions.policy_statements : "function_additions.${function}.policy_statements has the effect ${jsonencode(statement.effect)}" if !contains(["Allow", "Deny"], statement.effect)]]))}: it has to be Allow or Deny."
  }

  validation {
    condition     = alltrue([for additions in var.function_additions : length(distinct(additions.policy_statements[*].sid)) == length(additions.policy_statements) && alltrue([for statement in additions.policy_statements : can(regex("^[A-Za-z0-9]+$", statement.sid))])])
    error_message = "${join(" and ", [for function, additions in var.function_additions : "function_additions.${function}.policy_statements has the sids ${jsonencode(additions.policy_statements[*].sid)}" if !(length(distinct(additions.policy_statements[*].sid)) == length(additions.policy_statements) && alltrue([for statement in additions.policy_statements : can(regex("^[A-Za-z0-9]+$", statement.sid))]))])}: each has to be another one, of letters and digits."
  }

  validation {
    condition     = alltrue([for additions in var.function_additions : additions.code_signing_config_arn == null || can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:code-signing-config:csc-[a-z0-9]+$", additions.code_signing_config_arn))])
    error_message = "${join(" and ", [for function, additions in var.function_additions : "function_additions.${function}.code_signing_config_arn is ${jsonencode(additions.code_signing_config_arn)}" if !(additions.code_signing_config_arn == null || can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:code-signing-config:csc-[a-z0-9]+$", additions.code_signing_config_arn)))])}: it has to be arn:aws:lambda:<region>:<account>:code-signing-config:csc-<id>."
  }

  validation {
    condition     = alltrue([for additions in var.function_additions : additions.earlier_version == null || try(can(regex("^[0-9]+$", additions.earlier_version.version)) && additions.earlier_version.weight >= 0 && additions.earlier_version.weight <= 1, false)])
    error_message = "${join(" and ", [for function, additions in var.function_additions : "function_additions.${function}.earlier_version is ${jsonencode(additions.earlier_version)}" if !(additions.earlier_version == null || try(can(regex("^[0-9]+$", additions.earlier_version.version)) && additions.earlier_version.weight >= 0 && additions.earlier_version.weight <= 1, false))])}: it has the number of a version, and a weight from 0 to 1."
  }
}

variable "preload_models" {
  description = "Models that inference loads when it starts. Any other model is loaded by the first request for it."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for model in var.preload_models : can(regex("^[a-z0-9][a-z0-9_-]{0,62}$", model))])
    error_message = "${join(" and ", [for model in var.preload_models : jsonencode(model) if !can(regex("^[a-z0-9][a-z0-9_-]{0,62}$", model))])} in preload_models is no name of a model: lower-case letters, digits, hyphens and underscores."
  }

  validation {
    condition     = length(join(" ", var.preload_models)) <= 2048
    error_message = "The names in preload_models have ${length(join(" ", var.preload_models))} characters with the spaces between them, and may have 2048: a function takes 4 KB of environment."
  }
}

variable "images_by_key" {
  description = "Whether an instance may name an image by its key below `raw/`. If so, inference, and everybody who may call it, can read all objects below `raw/`."
  type        = bool
  default     = false
  nullable    = false
}

variable "vpc" {
  description = "Subnets and security groups of the functions. Null runs the functions outside of a VPC."
  type = object({
    # Ids of subnets. Subnets without internet access need a gateway endpoint for S3 and an interface endpoint for Lambda, which starts jobs.
    subnet_ids = list(string)
    # Ids of the functions' security groups. Destroying a security group together with the functions can take 20 to 40 minutes, because
    # Lambda deletes a function's network interfaces only after the function.
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, false)
    error_message = "vpc has at least one subnet and one security group."
  }
}

variable "roles" {
  description = "Path and boundary of the functions' IAM roles, or roles of your own."
  type = object({
    # IAM path of the roles. It begins and ends with a slash, such as /ml/.
    path = optional(string, "/")
    # ARN of the permissions boundary of the roles. Null: none.
    permissions_boundary = optional(string)
    # ARNs of existing roles, by function. The module does not change them: attach the policies of the output role_policies to them.
    arns = optional(map(string), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for function, arn in var.roles.arns : contains(["data_processing", "model_training", "inference"], function) && can(regex("^arn:[^:]+:iam::[0-9]{12}:role/.+$", arn))])
    error_message = "${join(" and ", [for function, arn in var.roles.arns : "roles.arns.${function} is ${jsonencode(arn)}" if !(contains(["data_processing", "model_training", "inference"], function) && can(regex("^arn:[^:]+:iam::[0-9]{12}:role/.+$", arn)))])}: keys are data_processing, model_training and inference, and values ARNs of roles, arn:aws:iam::<account>:role/<name>."
  }

  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.roles.path))
    error_message = "roles.path is ${jsonencode(var.roles.path)}: it has to begin and end with a slash, as in /ml/."
  }

  validation {
    condition     = var.roles.permissions_boundary == null || can(regex("^arn:[^:]+:iam::[^:]*:policy/.+$", var.roles.permissions_boundary))
    error_message = "roles.permissions_boundary is ${jsonencode(var.roles.permissions_boundary)}: it has to be the ARN of a policy, arn:aws:iam::<account>:policy/<name>."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the buckets. Null: keys that S3 manages."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn is ${jsonencode(var.kms_key_arn)}: it has to be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>: roles cannot be granted an alias."
  }
}

variable "data_bucket" {
  description = "Existing bucket, in the same region, for data, models and jobs. Null: the module creates one."
  type = object({
    # Name of the bucket. The module does not change its encryption, versioning, policy and lifecycle. If a KMS key encrypts it, name the key as kms_key_arn.
    name = string
    # Prefix of all keys, such as ml/blue/. Instances that share a bucket need different prefixes.
    prefix = optional(string, "")
    # Whether the bucket has a lifecycle rule for objects with the tag lifetime = short, as in examples/existing_bucket. A plan warns if not.
    expires_short_lived = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.data_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.data_bucket.name))
    error_message = "data_bucket.name is ${jsonencode(try(var.data_bucket.name, null))}: it has to be the name of a bucket, not an ARN or a URL."
  }

  validation {
    condition     = var.data_bucket == null || can(regex("^([A-Za-z0-9_.-]+/)*$", var.data_bucket.prefix))
    error_message = "data_bucket.prefix is ${jsonencode(try(var.data_bucket.prefix, null))}: it has to be empty, or names of letters, digits, dots, hyphens and underscores, each ended by a slash, as in ml/blue/."
  }
}

variable "data_bucket_access" {
  description = "Access of other principals to the data bucket that this module creates."
  type = object({
    # ARNs of principals, also of other accounts, that may read and list models. If kms_key_arn is set, its key policy has to let them decrypt.
    model_readers = optional(list(string), [])
    # Statements that are added to the bucket's policy.
    statements = optional(list(object({
      # Name of the statement.
      sid = string
      # Allow or Deny.
      effect = optional(string, "Allow")
      # ARNs of principals, or *.
      principals = list(string)
      # Actions, such as s3:GetObject.
      actions = list(string)
      # Keys of objects, such as raw/*. An empty key means the bucket itself.
      paths = list(string)
      # Conditions of the statement.
      conditions = optional(list(object({
        # Operator, such as StringEquals.
        test = string
        # Key, such as aws:PrincipalOrgID.
        variable = string
        # Values, one of which has to match.
        values = list(string)
      })), [])
    })), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for arn in var.data_bucket_access.model_readers : can(regex("^arn:[^:]+:(iam::[0-9]{12}:(root|(role|user)/[^*]+)|sts::[0-9]{12}:(assumed-role|federated-user)/[^*]+)$", arn))])
    error_message = "${join(" and ", [for arn in var.data_bucket_access.model_readers : jsonencode(arn) if !can(regex("^arn:[^:]+:(iam::[0-9]{12}:(root|(role|user)/[^*]+)|sts::[0-9]{12}:(assumed-role|federated-user)/[^*]+)$", arn))])} in data_bucket_access.model_readers is no ARN of a principal, such as arn:aws:iam::<account>:role/<name>."
  }

  validation {
    condition     = alltrue([for statement in var.data_bucket_access.statements : contains(["Allow", "Deny"], statement.effect)])
    error_message = "data_bucket_access.statements has the effect ${join(" and ", [for statement in var.data_bucket_access.statements : jsonencode(statement.effect) if !contains(["Allow", "Deny"], statement.effect)])}: it has to be Allow or Deny."
  }

  validation {
    condition     = length(distinct(concat(var.data_bucket_access.statements[*].sid, ["DenyInsecureTransport", "ReadModels", "ListModels"]))) == length(var.data_bucket_access.statements) + 3
    error_message = "data_bucket_access.statements has the sids ${jsonencode(var.data_bucket_access.statements[*].sid)}: each has to be another one, and none DenyInsecureTransport, ReadModels or ListModels, which are the module's."
  }
}

variable "bucket_logs" {
  description = "Server access logs of the buckets that this module creates. Null: none."
  type = object({
    # Bucket for the logs, in the same region and account. Its policy has to let logging.s3.amazonaws.com write to it.
    bucket = string
    # Prefix of the keys of the logs. The name of the logged bucket follows it.
    prefix = optional(string, "")
  })
  default = null
}

variable "uploads" {
  description = "Limits of uploads."
  type = object({
    # Largest size of a file in bytes. The default is S3's own limit of 5 GiB. With a lower limit, a request for an upload has to state the
    # size of the file, and only a file of that size can be uploaded.
    max_bytes = optional(number, 5368709120)
  })
  default  = {}
  nullable = false

  validation {
    condition     = try(var.uploads.max_bytes >= 1 && var.uploads.max_bytes <= 5368709120 && floor(var.uploads.max_bytes) == var.uploads.max_bytes, false)
    error_message = "uploads.max_bytes is ${jsonencode(var.uploads.max_bytes)}: it has to be a whole number from 1 to 5368709120, which is the most that S3 takes at once."
  }
}

variable "lifecycle_rules" {
  description = "Days after which objects are removed from the buckets that this module creates. Null: no lifecycle rules."
  type = object({
    # Days until the parts of an unfinished multipart upload are removed.
    abort_incomplete_upload_days = optional(number, 7)
    # Days until noncurrent versions of objects are removed. The prefixes below have rules of their own.
    noncurrent_version_days = optional(number, 90)
    # Days until raw data expires. It is gone for good within three more days, because S3 counts whole days of UTC. Null keeps it for ever.
    raw_data_days = optional(number)
    # Days until the documents of jobs expire. They are gone for good within three more days. Null keeps them for ever.
    job_days = optional(number)
    # Days until evaluations of candidates expire, which a repeated training uses again. They are gone for good within three more days. Null
    # keeps them for ever.
    trial_days = optional(number, 30)
    # Days until short-lived data expires, such as photos of faces that are not to be kept. It is gone for good within three more days.
    short_lived_days = optional(number, 1)
  })
  default = {}

  validation {
    condition     = var.lifecycle_rules == null || alltrue([for days in try(values(var.lifecycle_rules), []) : days == null || try(days >= 1 && floor(days) == days, false)])
    error_message = "${join(" and ", try([for name, days in var.lifecycle_rules : "lifecycle_rules.${name} is ${jsonencode(days)}" if days != null && !try(days >= 1 && floor(days) == days, false)], []))}: it has to be a whole number of days, from 1."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes all data, models and jobs. If false, it fails while a bucket is not empty."
  type        = bool
  default     = false
  nullable    = false
}
