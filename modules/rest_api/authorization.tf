# How callers prove who they are, as security schemes of the document.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html
locals {
  authorizations = {
    for group, authorization in { api = var.authorization, inference = var.authorization.inference } : group => authorization if authorization != null
  }

  # The group of each operation: /inference may have an authorization of its own.
  groups = {
    for id, operation in local.operations : id => startswith(operation.path, "/inference") && var.authorization.inference != null ? "inference" : "api"
  }

  scheme_names = {
    for group, authorization in local.authorizations : group => {
      AWS_IAM = "sigv4"
      API_KEY = "api_key"
      COGNITO = "${group}_user_pool"
      LAMBDA  = "${group}_authorizer"
      NONE    = ""
    }[authorization.type]
  }

  security = {
    for group, name in local.scheme_names : group => [
      for scheme in compact([name]) : { (scheme) = local.authorizations[group].scopes }
    ]
  }

  security_schemes = merge([
    for group, authorization in local.authorizations : {
      for scheme in compact([local.scheme_names[group]]) : scheme => {
        AWS_IAM = local.components.securitySchemes.sigv4
        API_KEY = {
          type = "apiKey"
          name = "x-api-key"
          in   = "header"
        }
        COGNITO = {
          type                         = "apiKey"
          name                         = authorization.header
          in                           = "header"
          x-amazon-apigateway-authtype = "cognito_user_pools"
          x-amazon-apigateway-authorizer = {
            type         = "cognito_user_pools"
            providerARNs = authorization.user_pool_arns
          }
        }
        LAMBDA = {
          type                         = "apiKey"
          name                         = authorization.header
          in                           = "header"
          x-amazon-apigateway-authtype = "custom"
          x-amazon-apigateway-authorizer = {
            type                         = "request"
            identitySource               = "method.request.header.${authorization.header}"
            authorizerResultTtlInSeconds = authorization.cache_seconds
            authorizerUri                = lookup(local.authorizer_uris, group, null)
          }
        }
      }[authorization.type]
    }
  ]...)

  # arn:<partition>:lambda:<region>:<account>:function:<name>[:<qualifier>]
  authorizers = { for group, authorization in local.authorizations : group => split(":", authorization.function_arn) if authorization.type == "LAMBDA" }

  authorizer_uris = {
    for group, arn in local.authorizers : group => "arn:${arn[1]}:apigateway:${arn[3]}:lambda:path/2015-03-31/functions/${join(":", arn)}/invocations"
  }
}

# Lambda takes none across accounts. Whether there is one is known before the ARN of a function that is made beside the API.
resource "aws_lambda_permission" "authorizer" {
  for_each = { for group, arn in local.authorizers : group => arn if local.authorizations[group].function_permission }

  statement_id_prefix = "${var.name}-${each.key}-"
  action              = "lambda:InvokeFunction"
  principal           = "apigateway.amazonaws.com"
  function_name       = join(":", slice(each.value, 0, 7))
  qualifier           = try(each.value[7], null)
  source_arn          = "${aws_api_gateway_rest_api.this.execution_arn}/authorizers/*"

  lifecycle {
    precondition {
      condition     = contains(local.own_authorizers, each.key)
      error_message = "The authorizer ${join(":", each.value)} is of another account, whose owner has to let the API invoke it: set function_permission = false beside its function_arn."
    }
  }
}
