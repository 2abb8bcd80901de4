# The document that API Gateway would import.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
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
        operation["x-amazon-apigateway-integration"].type == "aws_proxy" &&
        operation["x-amazon-apigateway-request-validator"] == "all"
      ])
    ])
    error_message = "Every operation reaches the function of its tag, and is validated."
  }

  assert {
    condition     = !strcontains(replace(output.openapi, "#/components/schemas/", ""), "#/components/")
    error_message = "API Gateway reads references to schemas only."
  }

  assert {
    condition = alltrue([
      for type in ["DEFAULT_4XX", "DEFAULT_5XX", "BAD_REQUEST_BODY", "THROTTLED"] :
      jsondecode(output.openapi)["x-amazon-apigateway-gateway-responses"][type].responseParameters["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    ])
    error_message = "The gateway's own errors are problem details."
  }

  assert {
    condition     = length(aws_lambda_permission.operation) == 13 && alltrue([for permission in aws_lambda_permission.operation : permission.qualifier == "live"])
    error_message = "Each operation has its permission, on the alias."
  }

  assert {
    condition     = aws_api_gateway_stage.this.stage_name == "prod"
    error_message = "The stage is prod by default."
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.redeployment == sha256(jsonencode([output.openapi, ["REGIONAL"]]))
    error_message = "The deployment follows the body."
  }
}

run "open_when_asked_for" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    authorization = "NONE"
  }

  assert {
    condition = alltrue([
      for methods in jsondecode(output.openapi).paths : alltrue([for operation in methods : length(operation.security) == 0])
    ])
    error_message = "No operation asks for a signature."
  }

  assert {
    condition     = aws_api_gateway_deployment.this.triggers.redeployment != sha256(jsonencode([run.signed_by_default.openapi, ["REGIONAL"]]))
    error_message = "A changed body is deployed again."
  }
}

run "throttled" {
  command = plan
  module {
    source = "./modules/rest_api"
  }
  variables {
    throttling = { rate_limit = 5, burst_limit = 7 }
  }

  assert {
    condition     = aws_api_gateway_method_settings.all.settings[0].throttling_rate_limit == 5 && aws_api_gateway_method_settings.all.settings[0].throttling_burst_limit == 7
    error_message = "The stage throttles as it is told."
  }
}
