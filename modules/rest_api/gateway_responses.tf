# What the gateway answers by itself, in the form of the functions' errors.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
# REQUEST_TOO_LARGE is not among them: API Gateway gives it one form, whatever is asked for.
locals {
  # Already in quotes.
  gateway_message = "$context.error.messageString"

  # The gateway says the same of an unsigned request and of a method and path that it does not have.
  missing_credentials = (
    anytrue([for authorization in local.authorizations : authorization.type == "AWS_IAM"])
    ? "The request is not signed, or the API has no such method and path. Sign it with AWS Signature Version 4 for execute-api."
    : "The API has no such method and path, or the request lacks its credentials."
  )

  # Lambda answers 429 where a function runs as often at once as it may, which API Gateway gives to the caller as an internal error; which
  # of two response types it has then is not documented. Neither comes from a function that was called.
  not_called = {
    status = 503
    title  = "Service unavailable"
    detail = jsonencode("The function could not be called, most likely as too many requests run at once. Try again after a pause.")
  }

  # Seconds until a next try may succeed.
  retry_after = { API_CONFIGURATION_ERROR = 5, INTEGRATION_FAILURE = 5, THROTTLED = 1 }

  gateway_problems = {
    ACCESS_DENIED = {
      status = 403
      title  = "Forbidden"
      detail = local.gateway_message
    }
    API_CONFIGURATION_ERROR = local.not_called
    EXPIRED_TOKEN = {
      status = 403
      title  = "Forbidden"
      detail = jsonencode("The signature or its credentials have expired. Sign the request again.")
    }
    INTEGRATION_FAILURE = local.not_called
    INTEGRATION_TIMEOUT = {
      status = 504
      title  = "Gateway timeout"
      detail = jsonencode("The function did not answer within ${var.api.timeout_seconds} seconds. Send less at once.")
    }
    INVALID_API_KEY = {
      status = 403
      title  = "Forbidden"
      detail = jsonencode("The header x-api-key is missing, or holds a key that this API does not know.")
    }
    INVALID_SIGNATURE = {
      status = 403
      title  = "Forbidden"
      detail = local.gateway_message
    }
    MISSING_AUTHENTICATION_TOKEN = {
      status = 403
      title  = "Forbidden"
      detail = jsonencode(local.missing_credentials)
    }
    QUOTA_EXCEEDED = {
      status = 429
      title  = "Too many requests"
      detail = local.gateway_message
    }
    RESOURCE_NOT_FOUND = {
      status = 404
      title  = "Not found"
      detail = local.gateway_message
    }
    THROTTLED = {
      status = 429
      title  = "Too many requests"
      detail = jsonencode("The API takes no more requests at the moment. Try again after a pause.")
    }
    UNAUTHORIZED = {
      status = 401
      title  = "Unauthorized"
      detail = local.gateway_message
    }
    UNSUPPORTED_MEDIA_TYPE = {
      status = 415
      title  = "Unsupported media type"
      detail = local.gateway_message
    }
    WAF_FILTERED = {
      status = 403
      title  = "Forbidden"
      detail = local.gateway_message
    }
  }

  # Of the rest only the gateway knows the status, so their problems have none.
  gateway_defaults = {
    DEFAULT_4XX = "Request refused"
    DEFAULT_5XX = "Gateway failure"
  }

  gateway_headers = merge(
    {
      "gatewayresponse.header.Content-Type" = "'application/problem+json'"
      "gatewayresponse.header.X-Request-Id" = "context.requestId"
    },
    { for name, value in local.cors_headers : "gatewayresponse.header.${name}" => "'${value}'" },
  )

  gateway_responses = merge(
    {
      for type, problem in local.gateway_problems : type => {
        statusCode = tostring(problem.status)
        responseParameters = merge(
          local.gateway_headers,
          { for seconds in lookup(local.retry_after, type, null)[*] : "gatewayresponse.header.Retry-After" => "'${seconds}'" },
        )
        responseTemplates = {
          "application/json" = "{\"type\":\"about:blank\",\"title\":${jsonencode(problem.title)},\"status\":${problem.status},\"detail\":${problem.detail},\"request_id\":\"$context.requestId\"}"
        }
      }
    },
    {
      for type, title in local.gateway_defaults : type => {
        responseParameters = local.gateway_headers
        responseTemplates = {
          "application/json" = "{\"type\":\"about:blank\",\"title\":${jsonencode(title)},\"detail\":${local.gateway_message},\"request_id\":\"$context.requestId\"}"
        }
      }
    },
  )
}
