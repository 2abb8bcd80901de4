# The document that API Gateway imports: openapi.yaml and what only a deployment knows.
locals {
  document   = yamldecode(file("${path.module}/openapi.yaml"))
  components = local.document.components

  operations = merge([
    for path, methods in local.document.paths : {
      for method, operation in methods : operation.operationId => {
        path   = path
        method = method
        tag    = operation.tags[0]
      }
    }
  ]...)

  # API Gateway reads references to schemas only, so those to parameters, responses and headers are put in place.
  responses = {
    for name, response in local.components.responses : name => merge(response, {
      headers = { for header, reference in response.headers : header => local.components.headers[basename(reference["$ref"])] }
    })
  }

  paths = {
    for path, methods in local.document.paths : path => merge(lookup(local.preflights, path, {}), {
      for method, operation in methods : method => merge(operation, {
        security   = local.security[local.groups[operation.operationId]]
        parameters = [for parameter in try(operation.parameters, []) : local.components.parameters[basename(parameter["$ref"])]]
        responses = {
          for status, response in operation.responses : status => try(
            local.responses[basename(response["$ref"])],
            merge(response, {
              headers = { for header, reference in response.headers : header => local.components.headers[basename(reference["$ref"])] }
            }),
          )
        }

        x-amazon-apigateway-integration = {
          type            = "aws_proxy"
          httpMethod      = "POST"
          uri             = var.functions[operation.tags[0]].alias_invoke_arn
          timeoutInMillis = 1000 * var.api.timeout_seconds
        }
      })
    })
  }

  # What an import does not name it removes, so that the provider would have to add it after each change.
  servers = !local.is_private ? {} : {
    servers = [{
      url                                        = "/"
      x-amazon-apigateway-endpoint-configuration = { vpcEndpointIds = local.vpc_endpoint_ids }
    }]
  }

  body = jsonencode(merge(local.servers, {
    openapi = local.document.openapi
    info    = merge(local.document.info, { title = var.name })
    tags    = local.document.tags
    paths   = local.paths
    components = {
      schemas         = local.components.schemas
      securitySchemes = local.security_schemes
    }

    x-amazon-apigateway-binary-media-types = local.document["x-amazon-apigateway-binary-media-types"]

    x-amazon-apigateway-gateway-responses = local.gateway_responses
  }))
}
