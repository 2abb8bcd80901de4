variable "authorization" {
  description = <<-EOT
    Who may call the API. type is
    AWS_IAM: requests signed by principals that may execute-api:Invoke;
    COGNITO: tokens of the user pools in user_pool_arns, access tokens with one of scopes where there are any;
    LAMBDA: whom the function of function_arn lets in, a request authorizer whose answers are cached for cache_seconds;
    API_KEY: whoever has a key of api.usage_plans, which meters and throttles, but proves nothing;
    NONE: anybody.
    Tokens come in the header named header. inference is an authorization of its own for /inference.
  EOT
  type = object({
    type           = optional(string, "AWS_IAM")
    user_pool_arns = optional(list(string), [])
    scopes         = optional(list(string), [])
    function_arn   = optional(string)
    header         = optional(string, "Authorization")
    cache_seconds  = optional(number, 300)
    inference = optional(object({
      type           = optional(string, "AWS_IAM")
      user_pool_arns = optional(list(string), [])
      scopes         = optional(list(string), [])
      function_arn   = optional(string)
      header         = optional(string, "Authorization")
      cache_seconds  = optional(number, 300)
    }))
  })
  default  = {}
  nullable = false

  # Each holds for both: the one for /inference, where there is one, and the one for the rest.
  validation {
    condition     = alltrue([for one in concat([var.authorization], var.authorization.inference[*]) : contains(["AWS_IAM", "COGNITO", "LAMBDA", "API_KEY", "NONE"], one.type)])
    error_message = "The type of an authorization is AWS_IAM, COGNITO, LAMBDA, API_KEY or NONE."
  }

  validation {
    condition     = alltrue([for one in concat([var.authorization], var.authorization.inference[*]) : (one.type == "COGNITO") == (length(one.user_pool_arns) > 0)])
    error_message = "user_pool_arns goes with the type COGNITO, which needs at least one."
  }

  validation {
    condition     = alltrue([for one in concat([var.authorization], var.authorization.inference[*]) : one.type == "COGNITO" || length(one.scopes) == 0])
    error_message = "scopes goes with the type COGNITO."
  }

  validation {
    condition     = alltrue([for one in concat([var.authorization], var.authorization.inference[*]) : (one.type == "LAMBDA") == (one.function_arn != null)])
    error_message = "function_arn goes with the type LAMBDA, which needs it."
  }

  validation {
    condition     = alltrue([for one in concat([var.authorization], var.authorization.inference[*]) : one.function_arn == null || can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[^:]+(:[^:]+)?$", one.function_arn))])
    error_message = "function_arn is the ARN of a function or of its alias."
  }

  validation {
    condition     = alltrue([for one in concat([var.authorization], var.authorization.inference[*]) : one.cache_seconds >= 0 && one.cache_seconds <= 3600])
    error_message = "cache_seconds is 0 to 3600."
  }
}

variable "api" {
  description = <<-EOT
    The API itself. access_logs (a line of JSON per request) and execution_logs (OFF, ERROR or INFO; never with payloads) need the account's
    role for them, which modules/account_logging sets once. detailed_metrics are CloudWatch's per route, at a price.
    timeout_seconds: how long the API waits for a function; above 29 the account first needs a higher quota ("Maximum integration timeout"), and
    the functions' own timeouts have to be as long.
    allowed_networks: CIDR blocks that requests may come from. private: reachable through these VPC endpoints only.
    domain: a name with a certificate of this region, and the path at which the API begins; the API's own name is then off.
    web_acl: a WAF web ACL of this region. cors: the origin whose pages may call the API and upload to the
    data bucket, and how many seconds they may remember so; a bucket given as data_bucket needs a rule of its owner's for uploads.
    throttling: requests per second, and at once beyond them, that the API takes; the rest is answered with 429. routes has limits of their own
    by method and path: { "POST /inference" = { rate_limit = 20, burst_limit = 40 } }.
    usage_plans: names of API keys that share limits, and a quota per DAY, WEEK or MONTH, for the authorization API_KEY.
  EOT
  type = object({
    stage_name       = optional(string, "prod")
    access_logs      = optional(bool, false)
    execution_logs   = optional(string, "OFF")
    detailed_metrics = optional(bool, false)
    timeout_seconds  = optional(number, 29)
    allowed_networks = optional(list(string), [])
    private = optional(object({
      vpc_endpoint_ids = list(string)
    }))
    domain = optional(object({
      name            = string
      certificate_arn = string
      base_path       = optional(string)
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

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,128}$", var.api.stage_name))
    error_message = "api.stage_name is 1 to 128 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = contains(["OFF", "ERROR", "INFO"], var.api.execution_logs)
    error_message = "api.execution_logs is OFF, ERROR or INFO."
  }

  validation {
    condition     = try(var.api.timeout_seconds >= 29 && var.api.timeout_seconds <= 300 && floor(var.api.timeout_seconds) == var.api.timeout_seconds, false)
    error_message = "api.timeout_seconds is a whole number from 29, which every account has, to 300. Above 29 the account needs a higher quota for it."
  }

  validation {
    condition     = alltrue([for network in var.api.allowed_networks : can(cidrhost(network, 0))])
    error_message = "api.allowed_networks are CIDR blocks, such as 203.0.113.0/24."
  }

  validation {
    condition     = var.api.private == null || try(length(var.api.private.vpc_endpoint_ids) > 0, false)
    error_message = "api.private names at least one VPC endpoint of execute-api: without one nothing reaches the API."
  }

  validation {
    condition     = var.api.private == null || var.api.domain == null
    error_message = "api.domain is a public name, for which a private API has no use: private custom domains are made beside this module."
  }

  validation {
    condition     = var.api.domain == null || can(regex("^arn:[^:]+:acm:", var.api.domain.certificate_arn))
    error_message = "api.domain.certificate_arn is the ARN of a certificate in ACM."
  }

  validation {
    condition     = try(var.api.domain.base_path, null) == null || can(regex("^[A-Za-z0-9$_.+!*'()-]+(/[A-Za-z0-9$_.+!*'()-]+)*$", var.api.domain.base_path))
    error_message = "api.domain.base_path is one level or several, as in ml/v1, of letters, digits and $-_.+!*'(), without a slash at either end."
  }

  validation {
    condition     = var.api.cors == null || can(regex("^(\\*|https?://[^/*]+)$", var.api.cors.allowed_origin))
    error_message = "api.cors.allowed_origin is one origin, such as https://app.example.com, or * for all."
  }

  validation {
    condition     = alltrue([for limits in concat([var.api.throttling], values(var.api.throttling.routes), values(var.api.usage_plans)) : limits.rate_limit > 0 && limits.burst_limit > 0])
    error_message = "rate_limit and burst_limit are above 0: at 0 every request is refused."
  }

  validation {
    condition     = alltrue([for plan in var.api.usage_plans : plan.quota == null || try(plan.quota.limit > 0 && contains(["DAY", "WEEK", "MONTH"], plan.quota.period), false)])
    error_message = "The quota of a usage plan has a limit above 0 and a period: DAY, WEEK or MONTH."
  }
}
