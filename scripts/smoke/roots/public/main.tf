# Predictions for a web page with an API key. It needs neither a domain nor users, as examples/public does.
module "ml" {
  source = "./module"

  name          = var.name
  force_destroy = true

  authorization = {
    inference = { type = "API_KEY" }
  }

  api = {
    cors        = { allowed_origin = "https://smoke.example.com" }
    usage_plans = { smoke = { keys = ["page"], rate_limit = 10, burst_limit = 20 } }
  }
}
