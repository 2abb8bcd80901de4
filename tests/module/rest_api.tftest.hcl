# The document that API Gateway would import.

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

override_resource {
  target          = aws_api_gateway_rest_api.this
  override_during = plan
  values = {
    execution_arn = "arn:aws:execute-api:us-east-1:123456789012:api"
  }
}

variables {
  name = "ml"
  functions = {
    data_processing = { name = "ml-data_processing", alias = "live", alias_invoke_arn = "arn:data_processing" }
    model_training  = { name = "ml-model_training", alias = "live", alias_invoke_arn = "arn:model_training" }
    inference       = { name = "ml-inference", alias = "live", alias_invoke_arn = "arn:inference" }
  }
}

run "signed_by_default" {
  command = plan
  module {
    source = "./modules/rest_api"
  }

  assert {
    condition = alltrue([
      for methods in jsondecode(output.openapi).paths : alltrue([
        for operation in methods : operation.security == [{ sigv4 = [] }]
      ])
    ])
    error_message = "Every operation needs a signature."
  }

  assert {
    condition     = jsondecode(output.openapi).components.securitySchemes.sigv4["x-amazon-apigateway-authtype"] == "awsSigv4"
    error_message = "The scheme is what API Gateway knows as AWS_IAM."
  }

  assert {
    condition = alltrue([
      for methods in jsondecode(output.openapi).paths : alltrue([
        for operation in methods :
        operation["x-amazon-apigateway-integration"].uri == "arn:${operation.tags[0]}" &&
        operation["x-amazon-apigateway-integration"].type == "aws_proxy"
      ])
    ])
    error_message = "Every operation reaches the function of its tag."
  }

  assert {
    condition     = aws_api_gateway_rest_api.this.binary_media_types == tolist(jsondecode(output.openapi)["x-amazon-apigateway-binary-media-types"])
    error_message = "The types of the document are an argument too: the provider would put back those of the document before."
  }

  assert {
    condition     = !strcontains(replace(output.openapi, "#/components/schemas/", ""), "#/components/")
    error_message = "API Gateway reads references to schemas only."
  }

  assert {
    condition = alltrue([
      for type in ["DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED"] :
      jsondecode(output.openapi)["x-amazon-apigateway-gateway-responses"][type].responseParameters["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    ])
    error_message = "The gateway's own errors are problem details."
  }

  assert {
    condition = alltrue([
      for type, response in jsondecode(output.openapi)["x-amazon-apigateway-gateway-responses"] :
      response.statusCode == "503" && response.responseParameters["gatewayresponse.header.Retry-After"] == "'5'"
      if contains(["API_CONFIGURATION_ERROR", "INTEGRATION_FAILURE"], type)
    ])
    error_message = "A function that is throttled is a 503 that says when to try again."
  }

  assert {
    condition     = length(aws_lambda_permission.operation) == 20 && alltrue([for permission in aws_lambda_permission.operation : permission.qualifier == "live"])
    error_message = "Each operation has its permission, on the alias."
  }

  assert {
    condition     = aws_api_gateway_stage.this.stage_name == "prod"
    error_message = "The stage is prod by default."
  }

  assert {
    condition = aws_api_gateway_deployment.this.triggers.redeployment == sha256(jsonencode([
      output.openapi, "REGIONAL", [],
      [{ Sid = "AllowSigned", Effect = "Allow", Principal = { AWS = ["arn:aws:iam::123456789012:root"] }, Action = "execute-api:Invoke", paths = ["*"] }],
      false,
    ]))
    error_message = "The deployment follows the body, and what else changes the API."
  }

  assert {
    condition = (
      length(aws_cloudwatch_log_group.access) + length(aws_cloudwatch_log_group.execution) == 0 &&
      aws_api_gateway_method_settings.all.settings[0].logging_level == "OFF" &&
      !aws_api_gateway_stage.this.xray_tracing_enabled
    )
    error_message = "What needs a role of the account is off in a new one."
  }

  assert {
    condition = jsondecode(aws_api_gateway_rest_api_policy.this.policy).Statement == [{
      Sid       = "AllowSigned"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::123456789012:root"] }
      Action    = "execute-api:Invoke"
      Resource  = ["arn:aws:execute-api:us-east-1:123456789012:api/*"]
    }]
    error_message = "Without a restriction the policy lets in whom an API without one does."
  }
}

run "open_when_asked_for" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    authorization = { type = "NONE" }
  }

  assert {
    condition = alltrue([
      for methods in jsondecode(output.openapi).paths : alltrue([for operation in methods : length(operation.security) == 0])
    ])
    error_message = "No operation asks for a signature."
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.redeployment != sha256(jsonencode([run.signed_by_default.openapi, "REGIONAL", [], [], false]))
    error_message = "A changed body is deployed again."
  }
}

run "user_pool_for_inference" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    authorization = {
      inference = {
        type           = "COGNITO"
        user_pool_arns = ["arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a"]
        scopes         = ["ml/predict"]
      }
    }
  }

  assert {
    condition = {
      for path, methods in jsondecode(output.openapi).paths : path => [for operation in methods : operation.security] if contains(["/inference", "/models"], path)
      } == {
      "/inference" = [[{ inference_user_pool = ["ml/predict"] }]]
      "/models"    = [[{ sigv4 = [] }]]
    }
    error_message = "Predictions take tokens, all else signatures."
  }

  assert {
    condition = (
      jsondecode(output.openapi).components.securitySchemes.inference_user_pool["x-amazon-apigateway-authtype"] == "cognito_user_pools" &&
      jsondecode(output.openapi).components.securitySchemes.inference_user_pool["x-amazon-apigateway-authorizer"].providerARNs == ["arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a"]
    )
    error_message = "The authorizer asks the user pool."
  }
}

run "authorizer_function" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    authorization = {
      type          = "LAMBDA"
      function_arn  = "arn:aws:lambda:us-east-1:123456789012:function:authorize:live"
      header        = "X-Token"
      cache_seconds = 0
    }
  }

  assert {
    condition = jsondecode(output.openapi).components.securitySchemes.api_authorizer["x-amazon-apigateway-authorizer"] == {
      type                         = "request"
      identitySource               = "method.request.header.X-Token"
      authorizerResultTtlInSeconds = 0
      authorizerUri                = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:authorize:live/invocations"
    }
    error_message = "The authorizer is the function's alias."
  }

  assert {
    condition = (
      aws_lambda_permission.authorizer["api"].function_name == "arn:aws:lambda:us-east-1:123456789012:function:authorize" &&
      aws_lambda_permission.authorizer["api"].qualifier == "live"
    )
    error_message = "The API may invoke it."
  }

  assert {
    condition     = [for statement in jsondecode(aws_api_gateway_rest_api_policy.this.policy).Statement : statement.Sid] == ["AllowSigned"]
    error_message = "The API's policy does not stand in for the one that the authorizer answers."
  }
}

run "authorizer_function_of_another_account" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    authorization = { inference = { type = "LAMBDA", function_arn = "arn:aws:lambda:us-east-1:210987654321:function:authorize", function_permission = false } }
  }

  assert {
    condition     = { for statement in jsondecode(aws_api_gateway_rest_api_policy.this.policy).Statement : statement.Sid => statement.Resource }["AllowOthers"] == ["arn:aws:execute-api:us-east-1:123456789012:api/*/POST/inference"]
    error_message = "Both accounts have to let in across accounts."
  }

  assert {
    condition     = length(aws_lambda_permission.authorizer) == 0
    error_message = "Only its owner can let the API invoke it."
  }
}

run "a_permission_across_accounts" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    authorization = { type = "LAMBDA", function_arn = "arn:aws:lambda:us-east-1:210987654321:function:authorize" }
  }
  expect_failures = [aws_lambda_permission.authorizer]
}

run "api_keys" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    authorization = { inference = { type = "API_KEY" } }
    api = {
      usage_plans = {
        basic   = { keys = ["ann", "bob"], rate_limit = 1, burst_limit = 2, quota = { limit = 1000, period = "MONTH" } }
        premium = { keys = ["cyd"], rate_limit = 10, burst_limit = 20 }
      }
    }
  }

  assert {
    condition     = jsondecode(output.openapi).paths["/inference"].post.security == [{ api_key = [] }] && jsondecode(output.openapi).components.securitySchemes.api_key.name == "x-api-key"
    error_message = "Predictions ask for a key."
  }

  assert {
    condition     = { for name, key in aws_api_gateway_api_key.this : name => key.name } == { "basic/ann" = "ml/basic/ann", "basic/bob" = "ml/basic/bob", "premium/cyd" = "ml/premium/cyd" }
    error_message = "Each key is made."
  }

  assert {
    condition     = one(aws_api_gateway_usage_plan.this["basic"].quota_settings).limit == 1000 && length(aws_api_gateway_usage_plan.this["premium"].quota_settings) == 0
    error_message = "Plans have their quotas."
  }
}

run "usage_plans_need_the_authorization_that_asks_for_keys" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    api = { usage_plans = { basic = { keys = ["ann"], rate_limit = 1, burst_limit = 2 } } }
  }
  expect_failures = [aws_api_gateway_usage_plan.this]
}

run "limits" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    api = {
      execution_logs   = "ERROR"
      detailed_metrics = true
      throttling = {
        rate_limit  = 5
        burst_limit = 7
        routes      = { "GET /models/{model}" = { rate_limit = 1, burst_limit = 2 } }
      }
    }
  }

  assert {
    condition     = aws_api_gateway_method_settings.all.settings[0].throttling_rate_limit == 5 && aws_api_gateway_method_settings.all.settings[0].throttling_burst_limit == 7
    error_message = "The stage throttles as it is told."
  }

  assert {
    condition = (
      aws_api_gateway_method_settings.route["GET /models/{model}"].method_path == "~1models~1{model}/GET" &&
      aws_api_gateway_method_settings.route["GET /models/{model}"].settings[0].throttling_rate_limit == 1
    )
    error_message = "A route has limits of its own."
  }

  assert {
    condition = alltrue([
      for settings in concat([aws_api_gateway_method_settings.all], values(aws_api_gateway_method_settings.route)) :
      settings.settings[0].logging_level == "ERROR" && settings.settings[0].metrics_enabled && settings.settings[0].data_trace_enabled == false
    ])
    error_message = "A route with limits logs as the others do, and payloads are never logged."
  }
}

run "route_that_is_not_there" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    api = { throttling = { routes = { "POST /predict" = { rate_limit = 1, burst_limit = 2 } } } }
  }
  expect_failures = [aws_api_gateway_method_settings.route]
}

run "pages_of_another_origin" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    api = { cors = { allowed_origin = "https://app.example.com" } }
  }

  assert {
    condition = alltrue([
      for path, methods in jsondecode(output.openapi).paths :
      length(methods.options.security) == 0 &&
      methods.options["x-amazon-apigateway-integration"].type == "mock" &&
      methods.options["x-amazon-apigateway-integration"].responses.default.responseParameters["method.response.header.Access-Control-Allow-Origin"] == "'https://app.example.com'" &&
      methods.options["x-amazon-apigateway-integration"].responses.default.responseParameters["method.response.header.Access-Control-Allow-Methods"] == "'${upper(join(",", concat([for method in keys(methods) : method if method != "options"], ["options"])))}'"
    ])
    error_message = "Every path answers preflights, with the methods that it has."
  }

  assert {
    condition = alltrue([
      for response in jsondecode(output.openapi)["x-amazon-apigateway-gateway-responses"] :
      response.responseParameters["gatewayresponse.header.Access-Control-Allow-Origin"] == "'https://app.example.com'"
    ])
    error_message = "Pages can read the gateway's errors."
  }

  assert {
    condition = alltrue([
      for path, methods in jsondecode(output.openapi).paths :
      sort([for parameter in methods.options.parameters : parameter.name]) == sort(flatten(regexall("{([a-z_]+)}", path)))
    ])
    error_message = "A preflight has the parameters of its path."
  }
}

run "pages_of_another_origin_send_what_authorizers_read" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    api = { cors = {} }
    authorization = {
      type           = "COGNITO"
      user_pool_arns = ["arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a"]
      header         = "X-Token"
      inference      = { type = "LAMBDA", function_arn = "arn:aws:lambda:us-east-1:123456789012:function:authorize", header = "X-Customer" }
    }
  }

  assert {
    condition = alltrue([
      for methods in jsondecode(output.openapi).paths :
      length(setsubtract(
        ["Authorization", "Content-Type", "X-Token", "X-Customer"],
        split(",", trim(methods.options["x-amazon-apigateway-integration"].responses.default.responseParameters["method.response.header.Access-Control-Allow-Headers"], "'")),
      )) == 0
    ])
    error_message = "Preflights allow the headers in which tokens come."
  }
}

run "private" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    authorization = { inference = { type = "NONE" } }
    api           = { private = { vpc_endpoint_ids = ["vpce-1"] }, allowed_networks = ["10.0.0.0/8"], timeout_seconds = 120 }
  }

  assert {
    condition     = alltrue(flatten([for methods in jsondecode(aws_api_gateway_rest_api.this.body).paths : [for operation in methods : operation["x-amazon-apigateway-integration"].timeoutInMillis == 120000]]))
    error_message = "The API waits as long as it was told to."
  }

  assert {
    condition     = aws_api_gateway_rest_api.this.endpoint_configuration[0].types == tolist(["PRIVATE"]) && aws_api_gateway_rest_api.this.endpoint_configuration[0].vpc_endpoint_ids == toset(["vpce-1"])
    error_message = "The API is reached through its VPC endpoint."
  }

  assert {
    condition     = aws_api_gateway_rest_api.this.endpoint_configuration[0].ip_address_type == "dualstack"
    error_message = "A public API can become private."
  }

  assert {
    condition     = jsondecode(aws_api_gateway_rest_api.this.body).servers[0]["x-amazon-apigateway-endpoint-configuration"].vpcEndpointIds == ["vpce-1"]
    error_message = "An import does not take the VPC endpoint away."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_api_gateway_rest_api_policy.this.policy).Statement : statement.Sid => statement.Condition if statement.Effect == "Deny"
      } == {
      DenyOtherEndpoints = { StringNotEquals = { "aws:SourceVpce" = ["vpce-1"] } }
      DenyOtherNetworks  = { NotIpAddress = { "aws:VpcSourceIp" = ["10.0.0.0/8"] } }
    }
    error_message = "Nothing else reaches it."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_api_gateway_rest_api_policy.this.policy).Statement : jsonencode(statement.Principal) => statement.Resource if statement.Effect == "Allow"
      } == {
      "{\"AWS\":[\"arn:aws:iam::123456789012:root\"]}" = ["arn:aws:execute-api:us-east-1:123456789012:api/*"]
      "\"*\""                                          = ["arn:aws:execute-api:us-east-1:123456789012:api/*/POST/inference"]
    }
    error_message = "What asks for signatures is allowed to the account, which leaves the rest to its principals' own policies."
  }
}

run "networks" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    api = { allowed_networks = ["203.0.113.0/24"] }
  }

  assert {
    condition     = [for statement in jsondecode(aws_api_gateway_rest_api_policy.this.policy).Statement : statement.Sid] == ["AllowSigned", "DenyOtherNetworks"]
    error_message = "Nothing is allowed to everybody."
  }

  assert {
    condition     = jsondecode(aws_api_gateway_rest_api_policy.this.policy).Statement[1].Condition == { NotIpAddress = { "aws:SourceIp" = ["203.0.113.0/24"] } }
    error_message = "Requests from elsewhere are refused."
  }
}

run "everything_around_the_api" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    tracing = true
    logs    = { retention_days = 90, kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1" }
    api = {
      access_logs    = true
      execution_logs = "INFO"
      web_acl        = { arn = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/a/1" }
      domain = {
        name            = "api.example.com"
        certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
        base_path       = "ml/v1"
        mutual_tls      = { truststore_uri = "s3://trust/authorities.pem" }

        ownership_verification_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/2"
      }
    }
  }

  assert {
    condition = alltrue([
      for group in concat(aws_cloudwatch_log_group.access, aws_cloudwatch_log_group.execution) :
      group.retention_in_days == 90 && group.kms_key_id == "arn:aws:kms:us-east-1:123456789012:key/1"
    ]) && length(aws_cloudwatch_log_group.access) + length(aws_cloudwatch_log_group.execution) == 2
    error_message = "Both kinds of logs are kept as the functions' are."
  }

  assert {
    condition     = jsondecode(aws_api_gateway_stage.this.access_log_settings[0].format).request_id == "$context.requestId"
    error_message = "Access logs are JSON."
  }

  assert {
    condition     = aws_api_gateway_stage.this.xray_tracing_enabled
    error_message = "X-Ray traces requests."
  }

  assert {
    condition     = one(aws_wafv2_web_acl_association.this).web_acl_arn == "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/a/1"
    error_message = "WAF stands in front."
  }

  assert {
    condition = (
      aws_api_gateway_rest_api.this.disable_execute_api_endpoint &&
      one(aws_api_gateway_domain_name.this).regional_certificate_arn == "arn:aws:acm:us-east-1:123456789012:certificate/1" &&
      one(aws_api_gateway_domain_name.this).ownership_verification_certificate_arn == "arn:aws:acm:us-east-1:123456789012:certificate/2" &&
      one(aws_api_gateway_domain_name.this).security_policy == "TLS_1_2" &&
      one(one(aws_api_gateway_domain_name.this).mutual_tls_authentication).truststore_uri == "s3://trust/authorities.pem" &&
      one(aws_apigatewayv2_api_mapping.this).api_mapping_key == "ml/v1" &&
      output.url == "https://api.example.com/ml/v1"
    )
    error_message = "The API has its own name, and no other."
  }
}

run "other_accounts" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    api = { allowed_principals = ["210987654321"] }
  }

  assert {
    condition = [for statement in jsondecode(aws_api_gateway_rest_api_policy.this.policy).Statement : [statement.Sid, statement.Principal]] == [
      ["AllowSigned", { AWS = ["arn:aws:iam::123456789012:root", "210987654321"] }],
    ]
    error_message = "Principals of the other account are let in, and what they sign is still checked."
  }
}
