output "alarm_arns" {
  description = "ARN of each alarm, by what it watches."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.arn }
}

output "dashboard_url" {
  description = "Where the console shows the dashboard. Null when there is none."
  value       = one([for dashboard in aws_cloudwatch_dashboard.this : "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards/dashboard/${dashboard.dashboard_name}"])
}
