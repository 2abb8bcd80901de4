locals {
  api_keys = merge([
    for plan, settings in var.api.usage_plans : { for key in settings.keys : "${plan}/${key}" => plan }
  ]...)
}

# A meter, not a lock: a key says who is counted and throttled. Whoever holds it may pass it on.
resource "aws_api_gateway_usage_plan" "this" {
  for_each = var.api.usage_plans

  name        = "${var.name}-${each.key}"
  description = "What each key of ${each.key} may ask for."
  tags        = var.tags

  api_stages {
    api_id = aws_api_gateway_rest_api.this.id
    stage  = aws_api_gateway_stage.this.stage_name
  }

  throttle_settings {
    rate_limit  = each.value.rate_limit
    burst_limit = each.value.burst_limit
  }

  dynamic "quota_settings" {
    for_each = each.value.quota[*]

    content {
      limit  = quota_settings.value.limit
      period = quota_settings.value.period
    }
  }

  lifecycle {
    precondition {
      condition     = anytrue([for authorization in local.authorizations : authorization.type == "API_KEY"])
      error_message = "api.usage_plans count requests by their API key, and no operation asks for one: set authorization.type or authorization.inference.type to API_KEY."
    }
  }
}

resource "aws_api_gateway_api_key" "this" {
  for_each = local.api_keys

  name        = "${var.name}/${each.key}"
  description = "A key of the usage plan ${each.value}."
  tags        = var.tags
}

resource "aws_api_gateway_usage_plan_key" "this" {
  for_each = local.api_keys

  usage_plan_id = aws_api_gateway_usage_plan.this[each.value].id
  key_id        = aws_api_gateway_api_key.this[each.key].id
  key_type      = "API_KEY"
}
