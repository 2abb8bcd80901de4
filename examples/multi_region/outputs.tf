output "api_urls" {
  description = "URL of the API in each region, by region."
  value = {
    (var.regions[0]) = module.first.api_url
    (var.regions[1]) = module.second.api_url
  }
}

output "data_buckets" {
  description = "Bucket that holds data, models and jobs in each region, by region."
  value = {
    (var.regions[0]) = module.first.data_bucket
    (var.regions[1]) = module.second.data_bucket
  }
}
