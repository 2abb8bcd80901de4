variable "name" {
  description = "Name of the API."
  type        = string
  nullable    = false
}

variable "functions" {
  description = "Function of each tag of the OpenAPI document: its name, and the alias that the API invokes."
  type = map(object({
    name             = string
    alias            = string
    alias_invoke_arn = string
  }))
  nullable = false
}

variable "authorization" {
  description = "Authorization of the API. The root module describes the attributes."
  type = object({
    type                = optional(string, "AWS_IAM")
    user_pool_arns      = optional(list(string), [])
    scopes              = optional(list(string), [])
    function_arn        = optional(string)
    function_permission = optional(bool, true)
    header              = optional(string, "Authorization")
    cache_seconds       = optional(number, 300)
    inference = optional(object({
      type                = optional(string, "AWS_IAM")
      user_pool_arns      = optional(list(string), [])
      scopes              = optional(list(string), [])
      function_arn        = optional(string)
      function_permission = optional(bool, true)
      header              = optional(string, "Authorization")
      cache_seconds       = optional(number, 300)
    }))
  })
  default  = {}
  nullable = false
}

variable "api" {
  description = "Stage, networks, domain, CORS, limits and logs. The root module describes the attributes."
  type = object({
    stage_name         = optional(string, "prod")
    access_logs        = optional(bool, false)
    execution_logs     = optional(string, "OFF")
    detailed_metrics   = optional(bool, false)
    timeout_seconds    = optional(number, 29)
    allowed_networks   = optional(list(string), [])
    allowed_principals = optional(list(string), [])
    private = optional(object({
      vpc_endpoint_ids = list(string)
    }))
    domain = optional(object({
      name            = string
      certificate_arn = string
      base_path       = optional(string)
      tls_policy      = optional(string, "TLS_1_2")
      mutual_tls = optional(object({
        truststore_uri     = string
        truststore_version = optional(string)
      }))
      ownership_verification_certificate_arn = optional(string)
    }))
    web_acl = optional(object({
      arn = string
    }))
    cors = optional(object({
      allowed_origin = optional(string, "*")
      max_age        = optional(number, 600)
    }))
    throttling = optional(object({
      rate_limit  = optional(number, 50)
      burst_limit = optional(number, 100)
      routes = optional(map(object({
        rate_limit  = number
        burst_limit = number
      })), {})
    }), {})
    usage_plans = optional(map(object({
      keys        = set(string)
      rate_limit  = number
      burst_limit = number
      quota = optional(object({
        limit  = number
        period = string
      }))
    })), {})
  })
  default  = {}
  nullable = false
}

variable "logs" {
  description = "Retention of the API's logs in days (0: for ever), their KMS key, and whether `terraform destroy` keeps them."
  type = object({
    retention_days  = optional(number, 30)
    kms_key_arn     = optional(string)
    outlast_destroy = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "tracing" {
  description = "Whether X-Ray traces requests."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of the API, its stage, and all other resources that can have tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
