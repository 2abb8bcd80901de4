# For pages of other origins: preflights that the gateway answers itself, and headers on what it and the functions answer.
# Neither carries cookies, so that any origin is as safe as the caller's credentials.
locals {
  cors_headers = var.api.cors == null ? {} : {
    Access-Control-Allow-Origin   = var.api.cors.allowed_origin
    Access-Control-Expose-Headers = "Location,Retry-After,X-Request-Id"
  }

  sent_headers = distinct(concat(
    ["Authorization", "Content-Type", "Idempotency-Key", "X-Amz-Content-Sha256", "X-Amz-Date", "X-Amz-Security-Token", "X-Api-Key"],
    [for authorization in local.authorizations : authorization.header],
  ))

  preflight_headers = var.api.cors == null ? {} : {
    Access-Control-Allow-Origin  = var.api.cors.allowed_origin
    Access-Control-Allow-Headers = join(",", local.sent_headers)
    Access-Control-Max-Age       = tostring(var.api.cors.max_age)
  }

  preflights = {
    for path, methods in local.document.paths : path => {
      options = {
        summary  = "Whether a page of another origin may ask"
        security = []
        # Those of the path, which API Gateway wants each of its operations to have.
        parameters = [
          for name in distinct(flatten([for operation in values(methods) : [for parameter in try(operation.parameters, []) : basename(parameter["$ref"])]])) :
          local.components.parameters[name] if local.components.parameters[name].in == "path"
        ]
        responses = {
          "204" = {
            description = "What it may ask for."
            headers     = { for name in concat(keys(local.preflight_headers), ["Access-Control-Allow-Methods"]) : name => { schema = { type = "string" } } }
          }
        }
        x-amazon-apigateway-integration = {
          type                = "mock"
          passthroughBehavior = "when_no_templates"
          contentHandling     = "CONVERT_TO_TEXT"
          requestTemplates    = { "application/json" = jsonencode({ statusCode = 204 }) }
          responses = {
            default = {
              statusCode = "204"
              responseParameters = {
                for name, value in merge(local.preflight_headers, { Access-Control-Allow-Methods = upper(join(",", concat(keys(methods), ["options"]))) }) :
                "method.response.header.${name}" => "'${value}'"
              }
            }
          }
        }
      }
    } if var.api.cors != null
  }
}
