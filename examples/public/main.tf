provider "aws" {
  region = var.region
}

module "ml" {
  source = "../.."

  name = var.name

  authorization = {
    type         = "LAMBDA"
    function_arn = var.authorizer_arn

    inference = {
      type           = "COGNITO"
      user_pool_arns = [var.user_pool_arn]
      scopes         = var.scopes
    }
  }

  api = {
    domain  = { name = var.domain_name, certificate_arn = var.certificate_arn, base_path = var.base_path }
    web_acl = { arn = var.web_acl_arn }
    cors    = { allowed_origin = var.origin }
  }
}
