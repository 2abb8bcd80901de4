variable "authorization" {
  description = "Authorization of the API."
  type = object({
    # AWS_IAM: signed requests of principals that have execute-api:Invoke. COGNITO: tokens of user pools. LAMBDA: requests that a function
    # authorizes. API_KEY: requests with a key of api.usage_plans; a key meters and throttles, but does not identify a person. NONE: all
    # requests from api.allowed_networks.
    type = optional(string, "AWS_IAM")
    # ARNs of the user pools of COGNITO.
    user_pool_arns = optional(list(string), [])
    # OAuth scopes of COGNITO: an access token must have one of them. If empty, tokens need no scope.
    scopes = optional(list(string), [])
    # Request authorizer of LAMBDA: ARN of a function or of its alias.
    function_arn = optional(string)
    # Whether the module adds the permission that lets the API invoke it. Set it to false for a function of another account, whose owner has to add the permission (docs/operations.md).
    function_permission = optional(bool, true)
    # Header of the token: letters, digits and ._$-.
    header = optional(string, "Authorization")
    # Seconds for which the authorizer's answers are cached, up to 3,600.
    cache_seconds = optional(number, 300)
    # Separate authorization of /inference. Null: the same as the rest of the API.
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

  # Each holds for both: the one for /inference, where there is one, and the one for the rest.
  validation {
    condition     = alltrue([for one in concat([var.authorization], var.authorization.inference[*]) : contains(["AWS_IAM", "COGNITO", "LAMBDA", "API_KEY", "NONE"], one.type)])
    error_message = "The authorization has the type ${join(" and ", [for one in concat([var.authorization], var.authorization.inference[*]) : jsonencode(one.type)])}: it has to be AWS_IAM, COGNITO, LAMBDA, API_KEY or NONE."
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
    error_message = "function_arn is ${join(" and ", [for one in concat([var.authorization], var.authorization.inference[*]) : jsonencode(one.function_arn) if one.function_arn != null])}: it has to be the ARN of a function or of its alias."
  }

  # Of what a name of HTTP may have, API Gateway reads these alone.
  validation {
    condition     = alltrue([for one in concat([var.authorization], var.authorization.inference[*]) : can(regex("^[A-Za-z0-9._$-]+$", one.header))])
    error_message = "The authorization has the header ${join(" and ", [for one in concat([var.authorization], var.authorization.inference[*]) : jsonencode(one.header) if !can(regex("^[A-Za-z0-9._$-]+$", one.header))])}: it has to be a name of letters, digits and ._$-."
  }

  validation {
    condition     = alltrue([for one in concat([var.authorization], var.authorization.inference[*]) : one.cache_seconds >= 0 && one.cache_seconds <= 3600])
    error_message = "cache_seconds is ${join(" and ", [for one in concat([var.authorization], var.authorization.inference[*]) : jsonencode(one.cache_seconds)])}: it has to be 0 to 3600."
  }
}

variable "api" {
  description = "Stage, logs, networks, domain, browsers and limits of the API."
  type = object({
    # Name of the stage.
    stage_name = optional(string, "prod")
    # Whether the API logs each request as a line of JSON. The account needs a role for logs of API Gateway, which modules/account_logging
    # sets once.
    access_logs = optional(bool, false)
    # Level of API Gateway's execution logs: OFF, ERROR or INFO. They never contain payloads. They need the same role.
    execution_logs = optional(string, "OFF")
    # Whether CloudWatch gets metrics of each route, which are billed.
    detailed_metrics = optional(bool, false)
    # Seconds that the API waits for a function, from 29 to 300. More than 29 needs a higher quota of the account ("Maximum integration
    # timeout") and functions whose timeouts are at least as long.
    timeout_seconds = optional(number, 29)
    # CIDR blocks that requests may come from. Empty allows all. The authorization NONE needs at least one.
    allowed_networks = optional(list(string), [])
    # ARNs of principals of other accounts, or ids of accounts, that may call the API with AWS_IAM. Their own account has to allow it, too.
    allowed_principals = optional(list(string), [])
    # Private API, which is reachable from VPCs only. Null: a public API.
    private = optional(object({
      # Ids of the VPC endpoints of execute-api.
      vpc_endpoint_ids = list(string)
    }))
    # Custom domain name. It replaces the default endpoint, which is then switched off. Null: the default endpoint.
    domain = optional(object({
      # Domain name.
      name = string
      # ARN of its certificate in ACM, in this region.
      certificate_arn = string
      # Base path of the API, such as ml/v1.
      base_path = optional(string)
      # Security policy of API Gateway: minimum version of TLS, and ciphers. Older providers accept only TLS_1_2.
      tls_policy = optional(string, "TLS_1_2")
      # Mutual TLS. Null: clients need no certificate.
      mutual_tls = optional(object({
        # Truststore: bundle of the certificate authorities, s3://<bucket>/<key>.
        truststore_uri = string
        # Version of that object. Null: the newest at the time of the apply.
        truststore_version = optional(string)
      }))
      # ARN of a public certificate in ACM for the same name. mutual_tls needs it if certificate_arn is imported or issued by a private CA.
      ownership_verification_certificate_arn = optional(string)
    }))
    # Web ACL (WAF) of the API. Null: none.
    web_acl = optional(object({
      # ARN of the web ACL, in this region.
      arn = string
    }))
    # CORS: web pages that may call the API and upload to the data bucket. Null: none. A bucket given as data_bucket needs a CORS rule of
    # its own for uploads.
    cors = optional(object({
      # Origin of the pages, such as https://app.example.com, or * for all.
      allowed_origin = optional(string, "*")
      # Seconds for which browsers cache the permission.
      max_age = optional(number, 600)
    }))
    # Limits of requests. Requests beyond them are answered with 429.
    throttling = optional(object({
      # Requests per second.
      rate_limit = optional(number, 50)
      # Size of a burst beyond rate_limit, in requests.
      burst_limit = optional(number, 100)
      # Limits of individual routes, by method and path: { "POST /inference" = { rate_limit = 20, burst_limit = 40 } }.
      routes = optional(map(object({
        rate_limit  = number
        burst_limit = number
      })), {})
    }), {})
    # Usage plans of the authorization API_KEY, by name.
    usage_plans = optional(map(object({
      # Names of the API keys of the plan.
      keys        = set(string)
      rate_limit  = number
      burst_limit = number
      # Requests of all keys of the plan together. Null: no quota.
      quota = optional(object({
        # Requests.
        limit = number
        # DAY, WEEK or MONTH.
        period = string
      }))
    })), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,128}$", var.api.stage_name))
    error_message = "api.stage_name is ${jsonencode(var.api.stage_name)}: it has to be 1 to 128 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = contains(["OFF", "ERROR", "INFO"], var.api.execution_logs)
    error_message = "api.execution_logs is ${jsonencode(var.api.execution_logs)}: it has to be OFF, ERROR or INFO."
  }

  validation {
    condition     = try(var.api.timeout_seconds >= 29 && var.api.timeout_seconds <= 300 && floor(var.api.timeout_seconds) == var.api.timeout_seconds, false)
    error_message = "api.timeout_seconds is ${jsonencode(var.api.timeout_seconds)}: it has to be a whole number from 29, which every account has, to 300. Above 29 the account needs a higher quota for it."
  }

  validation {
    condition     = alltrue([for network in var.api.allowed_networks : can(cidrhost(network, 0))])
    error_message = "${join(" and ", [for network in var.api.allowed_networks : jsonencode(network) if !can(cidrhost(network, 0))])} in api.allowed_networks is no CIDR block, such as 203.0.113.0/24."
  }

  validation {
    condition     = alltrue([for principal in var.api.allowed_principals : can(regex("^([0-9]{12}|arn:[^:]+:(iam::[0-9]{12}:(root|(role|user)/[^*]+)|sts::[0-9]{12}:(assumed-role|federated-user)/[^*]+))$", principal))])
    error_message = "${join(" and ", [for principal in var.api.allowed_principals : jsonencode(principal) if !can(regex("^([0-9]{12}|arn:[^:]+:(iam::[0-9]{12}:(root|(role|user)/[^*]+)|sts::[0-9]{12}:(assumed-role|federated-user)/[^*]+))$", principal))])} in api.allowed_principals is neither the id of an account nor the ARN of a principal."
  }

  validation {
    condition     = try(var.api.domain.tls_policy != "TLS_1_0", true)
    error_message = "api.domain.tls_policy is \"TLS_1_0\", which takes versions of TLS that are broken: TLS_1_2 is the least."
  }

  validation {
    condition     = try(var.api.domain.mutual_tls, null) == null || can(regex("^s3://[^/]+/.+$", var.api.domain.mutual_tls.truststore_uri))
    error_message = "api.domain.mutual_tls.truststore_uri is ${jsonencode(try(var.api.domain.mutual_tls.truststore_uri, null))}: it has to be s3://<bucket>/<key>."
  }

  validation {
    condition     = try(var.api.domain.ownership_verification_certificate_arn, null) == null || (try(var.api.domain.mutual_tls, null) != null && can(regex("^arn:[^:]+:acm:", var.api.domain.ownership_verification_certificate_arn)))
    error_message = "api.domain.ownership_verification_certificate_arn is ${jsonencode(try(var.api.domain.ownership_verification_certificate_arn, null))}: it has to be the ARN of a certificate in ACM, and goes with mutual_tls."
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
    error_message = "api.domain.certificate_arn is ${jsonencode(try(var.api.domain.certificate_arn, null))}: it has to be the ARN of a certificate in ACM."
  }

  validation {
    condition     = try(var.api.domain.base_path, null) == null || can(regex("^[A-Za-z0-9$_.+!*'()-]+(/[A-Za-z0-9$_.+!*'()-]+)*$", var.api.domain.base_path))
    error_message = "api.domain.base_path is ${jsonencode(try(var.api.domain.base_path, null))}: it has to be one level or several, as in ml/v1, of letters, digits and $-_.+!*'(), without a slash at either end."
  }

  validation {
    condition     = var.api.cors == null || can(regex("^(\\*|https?://([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?)$", var.api.cors.allowed_origin))
    error_message = "api.cors.allowed_origin is ${jsonencode(try(var.api.cors.allowed_origin, null))}: it has to be one origin, such as https://app.example.com, or * for all."
  }

  validation {
    condition     = alltrue([for limits in concat([var.api.throttling], values(var.api.throttling.routes), values(var.api.usage_plans)) : limits.rate_limit > 0 && limits.burst_limit > 0])
    error_message = "rate_limit and burst_limit are above 0: at 0 every request is refused."
  }

  validation {
    condition     = alltrue([for name, plans in { for one in flatten([for plan, settings in var.api.usage_plans : [for key in settings.keys : { name = "${plan}/${key}", plan = plan }]]) : one.name => one.plan... } : length(plans) == 1])
    error_message = "A key of api.usage_plans is named by its plan and itself, and several are ${join(", ", [for name, plans in { for one in flatten([for plan, settings in var.api.usage_plans : [for key in settings.keys : { name = "${plan}/${key}", plan = plan }]]) : one.name => one.plan... } : "${name} (of ${join(" and ", plans)})" if length(plans) > 1])}: rename all but one."
  }

  validation {
    condition     = alltrue([for plan in var.api.usage_plans : plan.quota == null || try(plan.quota.limit > 0 && contains(["DAY", "WEEK", "MONTH"], plan.quota.period), false)])
    error_message = "The quota of a usage plan has a limit above 0 and a period: DAY, WEEK or MONTH."
  }
}
