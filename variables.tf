variable "name" {
  description = "Prefix of everything that has a name: functions, roles, buckets, the API."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.name))
    error_message = "name is ${jsonencode(var.name)}: it has to be 2 to 24 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen: it becomes part of bucket names."
  }
}

variable "tags" {
  description = "Tags of everything that takes tags, but for objects in S3, which take ten at most."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "artifacts" {
  description = "Where the functions' zips and their manifest are: in a folder or in a bucket."
  type = object({
    # Folder that `make build` has filled; dist/ in this module when left out.
    folder = optional(string)
    # Bucket of the same region that `make publish` has filled.
    bucket = optional(string)
    # What its keys begin with.
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
  description = "Pretrained networks to upload, of those that `make backbones` writes to backbones/ beside the zips: efficientnet_lite0, face_detector, face_embedding, face_landmarks. Of several instances that share a bucket and its prefix, one names them. Null uploads none, and warns of those that are there."
  type        = set(string)
  default     = null

  validation {
    condition     = alltrue([for name in coalesce(var.backbones, []) : can(regex("^[a-z0-9_]+$", name))])
    error_message = "backbones has ${join(" and ", [for name in coalesce(var.backbones, []) : jsonencode(name) if !can(regex("^[a-z0-9_]+$", name))])}: they are named without a folder and without .onnx, such as efficientnet_lite0."
  }
}

variable "architecture" {
  description = "Instruction set of the functions, for which the zips must have been built: x86_64 or arm64."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is ${jsonencode(var.architecture)}: it has to be x86_64 or arm64."
  }
}

variable "functions" {
  description = "Memory, time, storage and concurrency of each function; benchmarks/README.md has what the defaults follow from."
  type = object({
    # The function that makes datasets.
    data_processing = optional(object({
      # MB of memory, from 128 to 10,240. 1,769 MB buy one vCPU; new accounts are held to 3,008. data_processing takes files of a GB within
      # half of its default, model_training has all that a new account may have, and a prediction costs the same from 128 to 1,024 MB, but a
      # cold start takes 2 s at the one and 0.3 s at the other.
      memory_size = optional(number, 2048)
      # Seconds that an invocation may take, up to 900. The API waits for api.timeout_seconds at most.
      timeout = optional(number, 900)
      # MB of /tmp, from 512 to 10,240.
      ephemeral_storage = optional(number, 10240)
      # Executions at once that the function is limited to and that are kept free for it. 0 stops it; an account must have 100 left
      # unreserved. Null reserves none.
      reserved_concurrency = optional(number)
      # Executions that are kept warm, at a price by the hour. Null keeps none.
      provisioned_concurrency = optional(number)
      # The most that are kept warm as use grows, from provisioned_concurrency on. Null keeps their number as it is.
      max_provisioned_concurrency = optional(number)
      # Whether new executions resume from a snapshot, at a price by the resume. It goes with neither provisioned_concurrency nor more than
      # 512 MB of ephemeral_storage. The provider does not wait for the first snapshot: for a few minutes after the apply that sets it,
      # calls may fail.
      snap_start = optional(bool, false)
    }), {})
    # The function that trains models, moves their aliases, and deletes.
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
  description = "What you add to functions, by function: `data_processing`, `model_training` or `inference`."
  type = map(object({
    # Environment variables, beside the module's own. Lambda takes 4 KB in all.
    environment = optional(map(string), {})
    # ARN of the KMS key that encrypts the environment. Whoever applies needs kms:CreateGrant for it. Null encrypts with Lambda's own key.
    environment_kms_key_arn = optional(string)
    # ARNs of versions of layers, five at most, such as those of an observability agent.
    layers = optional(list(string), [])
    # Statements that are added to the policy of the function's role.
    policy_statements = optional(list(object({
      # Name of the statement.
      sid = string
      # Allow or Deny.
      effect = optional(string, "Allow")
      # Actions, such as dynamodb:GetItem.
      actions = list(string)
      # ARNs that they may be done to.
      resources = list(string)
      # Conditions under which the statement holds.
      conditions = optional(list(object({
        # Operator, such as StringEquals.
        test = string
        # Key, such as aws:RequestedRegion.
        variable = string
        # Values of which one has to fit.
        values = list(string)
      })), [])
    })), [])
    # ARN of a code signing configuration, for zips that AWS Signer has signed (docs/governance.md).
    code_signing_config_arn = optional(string)
    # An earlier version that still gets a share of the invocations while the newest proves itself. Null sends all to the newest.
    earlier_version = optional(object({
      # Its number.
      version = string
      # Its share, from 0 to 1.
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
  description = "Models whose live versions inference loads before its first request; others load with the first request for them."
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
  description = "Whether instances may name an image below `raw/` by its key. It lets inference, and so whoever may call it, read everything below `raw/`."
  type        = bool
  default     = false
  nullable    = false
}

variable "vpc" {
  description = "Subnets and security groups in which the functions run. Null runs them outside of any VPC."
  type = object({
    # Subnets. Without internet access they need a gateway endpoint of S3, and an interface endpoint of Lambda by which jobs are started.
    subnet_ids = list(string)
    # Security groups of the functions. One of your own may stay "in use" for 20 to 40 minutes when it is destroyed with them: Lambda deletes
    # a function's network interfaces after the function, by its execution role.
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
    # IAM path of the roles, which begins and ends with a slash, as in /ml/.
    path = optional(string, "/")
    # ARN of a policy that bounds what the roles may be granted. Null has no bounds.
    permissions_boundary = optional(string)
    # ARNs of roles that exist, by function. They are used as they are: give them the policies that the output role_policies has.
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
  description = "KMS key that encrypts the buckets. Null encrypts with keys that S3 manages."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn is ${jsonencode(var.kms_key_arn)}: it has to be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>: roles cannot be granted an alias."
  }
}

variable "data_bucket" {
  description = "A bucket of the same region to keep data, models and jobs in. Null has the module make one."
  type = object({
    # Its name. Encryption, versions, policy and lifecycle stay its owner's; kms_key_arn names the key that encrypts it, if there is one.
    name = string
    # What all keys in it begin with, as in ml/blue/: several instances share a bucket by different prefixes.
    prefix = optional(string, "")
    # Whether its owner removes objects with the tag lifetime = short, as examples/existing_bucket shows. Without it a plan warns.
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
  description = "What principals beside the functions may do with the data bucket that this module makes."
  type = object({
    # ARNs of principals, of other accounts as well, that may read and list models. With kms_key_arn, the key's policy has to let them decrypt.
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
      # Keys that they may be done to, such as raw/*. An empty one is the bucket itself.
      paths = list(string)
      # Conditions under which the statement holds.
      conditions = optional(list(object({
        # Operator, such as StringEquals.
        test = string
        # Key, such as aws:PrincipalOrgID.
        variable = string
        # Values of which one has to fit.
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
  description = "Where S3 logs requests to the buckets that this module makes. Null logs none."
  type = object({
    # A bucket of the same region and account, whose policy lets logging.s3.amazonaws.com write to it.
    bucket = string
    # What the keys of the logs begin with, before the name of the bucket.
    prefix = optional(string, "")
  })
  default = null
}

variable "uploads" {
  description = "Bounds of what is uploaded."
  type = object({
    # The most bytes that a file may have; S3's own 5 GiB when left out. Below that, a request for an upload has to give the size of its
    # file, and nothing of another size can be sent.
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
  description = "Days after which the buckets that this module makes lose what is not to stay. Null has no such rules."
  type = object({
    # Until the parts of an upload that was not finished are removed.
    abort_incomplete_upload_days = optional(number, 7)
    # Until versions of objects that were replaced or deleted are removed, but for those of what has days of its own below.
    noncurrent_version_days = optional(number, 90)
    # Until raw data is hidden; it is gone for good within three days more, as S3 goes by whole days of UTC. Null keeps it for ever.
    raw_data_days = optional(number)
    # Until the documents of jobs are hidden, and gone within three days more. Null keeps them for ever.
    job_days = optional(number)
    # Until data that its processing says not to keep, such as photos of faces, is hidden, and gone within three days more.
    short_lived_days = optional(number, 1)
  })
  default = {}

  validation {
    condition     = var.lifecycle_rules == null || alltrue([for days in try(values(var.lifecycle_rules), []) : days == null || try(days >= 1 && floor(days) == days, false)])
    error_message = "${join(" and ", try([for name, days in var.lifecycle_rules : "lifecycle_rules.${name} is ${jsonencode(days)}" if days != null && !try(days >= 1 && floor(days) == days, false)], []))}: it has to be a whole number of days, from 1."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` also deletes all data, models and jobs. Without it, it stops at a bucket that is not empty."
  type        = bool
  default     = false
  nullable    = false
}
