output "training_api_url" {
  description = "URL of the API that processes and trains."
  value       = module.training.api_url
}

output "serving_api_url" {
  description = "URL of the API that predicts."
  value       = module.serving.api_url
}

output "data_bucket" {
  description = "Bucket that holds data, models and jobs, in the account that trains."
  value       = module.training.data_bucket
}
