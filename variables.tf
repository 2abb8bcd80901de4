variable "name" {
  description = "Prefix of everything that has a name: functions, roles, buckets, the API."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.name))
    error_message = "name is 2 to 24 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen: it becomes part of bucket names."
  }
}

variable "tags" {
  description = "Tags of everything that takes tags, but for objects in S3, which take ten at most."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "artifacts" {
  description = <<-EOT
    Where the functions' zips and their manifest are: a folder that `make build` has filled (dist/ in this module by default), or a
    bucket of the same region, with the prefix, that `make publish` has filled.
  EOT
  type = object({
    folder = optional(string)
    bucket = optional(string)
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

variable "architecture" {
  description = "Instruction set of the functions, for which the zips must have been built: x86_64 or arm64."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "functions" {
  description = <<-EOT
    Settings of each function. memory_size in MB (1,769 MB buy one vCPU; new accounts are held to 3,008), timeout in seconds (the API waits
    29 at most), ephemeral_storage (/tmp) in MB. The defaults follow from benchmarks/README.md: a prediction costs the same from 128 to
    1,024 MB, but a cold start takes 2 s at the one and 0.3 s at the other; 2,048 MB are a vCPU for data_processing, which takes files of a GB within half of that;
    model_training has all that a new account may have. reserved_concurrency limits the function to so many executions at once, and keeps them free
    for it; an account must have 100 left unreserved. provisioned_concurrency keeps so many executions warm, at a price by the hour.
    snap_start resumes new executions from a snapshot, at a price by the resume; it goes with neither provisioned_concurrency nor more than
    512 MB of ephemeral_storage. The provider does not wait until Lambda has made the first snapshot: for a few minutes after the apply that sets it,
    calls may fail.
  EOT
  type = object({
    data_processing = optional(object({
      memory_size             = optional(number, 2048)
      timeout                 = optional(number, 900)
      ephemeral_storage       = optional(number, 10240)
      reserved_concurrency    = optional(number)
      provisioned_concurrency = optional(number)
      snap_start              = optional(bool, false)
    }), {})
    model_training = optional(object({
      memory_size             = optional(number, 3008)
      timeout                 = optional(number, 900)
      ephemeral_storage       = optional(number, 2048)
      reserved_concurrency    = optional(number)
      provisioned_concurrency = optional(number)
      snap_start              = optional(bool, false)
    }), {})
    inference = optional(object({
      memory_size             = optional(number, 1024)
      timeout                 = optional(number, 30)
      ephemeral_storage       = optional(number, 512)
      reserved_concurrency    = optional(number)
      provisioned_concurrency = optional(number)
      snap_start              = optional(bool, false)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for function in var.functions : function.memory_size >= 128 && function.memory_size <= 10240 && floor(function.memory_size) == function.memory_size])
    error_message = "memory_size is a whole number of MB from 128 to 10240."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.timeout >= 1 && function.timeout <= 900 && floor(function.timeout) == function.timeout])
    error_message = "timeout is a whole number of seconds from 1 to 900."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.ephemeral_storage >= 512 && function.ephemeral_storage <= 10240 && floor(function.ephemeral_storage) == function.ephemeral_storage])
    error_message = "ephemeral_storage is a whole number of MB from 512 to 10240."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.reserved_concurrency == null || try(function.reserved_concurrency >= 0, false)])
    error_message = "reserved_concurrency is 0, which stops the function, or more. Null reserves nothing."
  }

  validation {
    condition     = alltrue([for function in var.functions : function.provisioned_concurrency == null || try(function.provisioned_concurrency >= 1, false)])
    error_message = "provisioned_concurrency is 1 or more. Null provisions nothing."
  }

  validation {
    condition     = alltrue([for function in var.functions : try(function.provisioned_concurrency <= function.reserved_concurrency, true)])
    error_message = "provisioned_concurrency is a part of reserved_concurrency, and cannot be more."
  }

  validation {
    condition     = alltrue([for function in var.functions : !function.snap_start || function.provisioned_concurrency == null])
    error_message = "Lambda refuses snap_start together with provisioned_concurrency: executions resume from a snapshot or are kept warm. Choose one."
  }

  validation {
    condition     = alltrue([for function in var.functions : !function.snap_start || function.ephemeral_storage == 512])
    error_message = "Lambda refuses snap_start with more than 512 MB of ephemeral_storage: set ephemeral_storage = 512 beside it."
  }
}

variable "preload_models" {
  description = "Models whose live versions inference loads before its first request; others load with the first request for them."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for model in var.preload_models : can(regex("^[a-z0-9][a-z0-9_-]{0,62}$", model))])
    error_message = "preload_models are names of models: lower-case letters, digits, hyphens and underscores."
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
  description = <<-EOT
    Subnets and security groups in which the functions run. Null runs them outside of any VPC. Inside one they reach S3 by a gateway endpoint,
    and start their jobs by an interface endpoint of Lambda; without internet access both have to be there.
  EOT
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, false)
    error_message = "vpc has at least one subnet and one security group."
  }
}

variable "roles" {
  description = "IAM path of the functions' roles, and the ARN of a policy that bounds what they may be granted."
  type = object({
    path                 = optional(string, "/")
    permissions_boundary = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.roles.path))
    error_message = "roles.path begins and ends with a slash, as in /ml/."
  }

  validation {
    condition     = var.roles.permissions_boundary == null || can(regex("^arn:[^:]+:iam::[^:]*:policy/.+$", var.roles.permissions_boundary))
    error_message = "roles.permissions_boundary is the ARN of a policy, arn:aws:iam::<account>:policy/<name>."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the buckets. Null encrypts with keys that S3 manages."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>: roles cannot be granted an alias."
  }
}

variable "data_bucket" {
  description = <<-EOT
    A bucket of the same region to keep data, models and jobs in, in place of one that this module makes, and what all keys in it begin with:
    several instances share a bucket by different prefixes. Its encryption, versions, policy and lifecycle stay its owner's; kms_key_arn names
    the key that encrypts it, if there is one. expires_short_lived says that its owner removes objects with the tag lifetime = short, as
    examples/existing_bucket shows; without it a plan warns.
  EOT
  type = object({
    name                = string
    prefix              = optional(string, "")
    expires_short_lived = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.data_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.data_bucket.name))
    error_message = "data_bucket.name is the name of a bucket, not an ARN or a URL."
  }

  validation {
    condition     = var.data_bucket == null || can(regex("^([A-Za-z0-9_.-]+/)*$", var.data_bucket.prefix))
    error_message = "data_bucket.prefix is empty, or names of letters, digits, dots, hyphens and underscores, each ended by a slash, as in ml/blue/."
  }
}

variable "uploads" {
  description = <<-EOT
    max_bytes: the most bytes that an uploaded file may have, S3's own 5 GiB by default. Below that, a request for an upload has to give the size of its
    file, and nothing of another size can be sent.
  EOT
  type = object({
    max_bytes = optional(number, 5368709120)
  })
  default  = {}
  nullable = false

  validation {
    condition     = try(var.uploads.max_bytes >= 1 && var.uploads.max_bytes <= 5368709120 && floor(var.uploads.max_bytes) == var.uploads.max_bytes, false)
    error_message = "uploads.max_bytes is a whole number from 1 to 5368709120, which is the most that S3 takes at once."
  }
}

variable "lifecycle_rules" {
  description = <<-EOT
    In the buckets that this module makes: days after which the unfinished parts of an upload, object versions that were replaced or deleted, raw data and the documents of jobs are
    removed; raw data and jobs are kept for ever by default. short_lived_days is for data that its processing says not to keep, such as photos
    of faces. Raw data, jobs and such data are hidden after their days and gone for good within three days more, as S3 goes by whole days of UTC; for them,
    noncurrent_version_days does not hold. Null sets no lifecycle rules.
  EOT
  type = object({
    abort_incomplete_upload_days = optional(number, 7)
    noncurrent_version_days      = optional(number, 90)
    raw_data_days                = optional(number)
    job_days                     = optional(number)
    short_lived_days             = optional(number, 1)
  })
  default = {}

  validation {
    condition     = var.lifecycle_rules == null || alltrue([for days in try(values(var.lifecycle_rules), []) : days == null || try(days >= 1 && floor(days) == days, false)])
    error_message = "lifecycle_rules has whole numbers of days, from 1."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` also deletes all data, models and jobs. Without it, it stops at a bucket that is not empty."
  type        = bool
  default     = false
  nullable    = false
}
