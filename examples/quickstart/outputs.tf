output "api_url" {
  description = "URL of the API."
  value       = module.ml.api_url
}

output "data_bucket" {
  description = "Bucket that holds data, models and jobs."
  value       = module.ml.data_bucket
}

output "function_names" {
  description = "Name of each function."
  value       = module.ml.function_names
}
