# The whole service on one screen: four rows of four, the API, the functions, serving, jobs.
locals {
  functions_metric = {
    for metric in ["Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"] : metric => [
      for function in var.functions : ["AWS/Lambda", metric, "FunctionName", function.name, { label = function.name }]
    ]
  }

  own_metric = {
    for metric in ["ClientErrors", "ColdStarts", "ServerErrors"] : metric => [
      for function in var.functions : [local.own_namespace, metric, "FunctionName", function.name, { label = function.name }]
    ]
  }

  job_metric = {
    for metric in ["JobsSucceeded", "JobsFailed", "JobDuration"] : metric => [
      for function in local.job_functions : [local.own_namespace, metric, "FunctionName", function.name, { label = "${function.name} ${metric}" }]
    ]
  }

  api_metric = {
    for metric in ["Count", "4XXError", "5XXError", "Latency"] : metric => ["AWS/ApiGateway", metric, "ApiName", var.api.name, "Stage", var.api.stage]
  }

  inference_metric = {
    for metric in ["Predictions", "ModelCacheHits", "ModelLoadTime"] : metric => [local.own_namespace, metric, "FunctionName", var.functions["inference"].name]
  }

  graphs = [
    { title = "Requests", stat = "Sum", metrics = [local.api_metric["Count"]] },
    { title = "Errors of the API", stat = "Sum", metrics = [local.api_metric["4XXError"], local.api_metric["5XXError"]] },
    { title = "Latency of the API, ms", stat = "p99", metrics = [for stat in ["p50", "p90", "p99"] : concat(local.api_metric["Latency"], [{ stat = stat, label = stat }])] },
    { title = "Predictions", stat = "Sum", metrics = [local.inference_metric["Predictions"]] },

    { title = "Invocations", stat = "Sum", metrics = local.functions_metric["Invocations"] },
    { title = "Errors and throttles of functions", stat = "Sum", metrics = concat(local.functions_metric["Errors"], local.functions_metric["Throttles"]) },
    { title = "Longest invocation, ms", stat = "Maximum", metrics = local.functions_metric["Duration"] },
    { title = "Executions at once", stat = "Maximum", metrics = local.functions_metric["ConcurrentExecutions"] },

    { title = "Share of cold starts", stat = "Average", metrics = local.own_metric["ColdStarts"] },
    { title = "Loading a model, ms", stat = "p99", metrics = [for stat in ["p50", "p99"] : concat(local.inference_metric["ModelLoadTime"], [{ stat = stat, label = stat }])] },
    { title = "Share of requests that found their model in memory", stat = "Average", metrics = [local.inference_metric["ModelCacheHits"]] },
    { title = "Problems by function, callers' and ours", stat = "Sum", metrics = concat(local.own_metric["ClientErrors"], local.own_metric["ServerErrors"]) },

    { title = "Jobs done", stat = "Sum", metrics = local.job_metric["JobsSucceeded"] },
    { title = "Jobs failed", stat = "Sum", metrics = local.job_metric["JobsFailed"] },
    { title = "Time of a job, s", stat = "p90", metrics = local.job_metric["JobDuration"] },
    { title = "Events of jobs that were given up", stat = "Maximum", metrics = [for queue in var.failed_jobs_queue[*] : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.name]] },
  ]

  widgets = [
    for place, graph in [for graph in local.graphs : graph if length(graph.metrics) > 0] : {
      type   = "metric"
      x      = 6 * (place % 4)
      y      = 5 * floor(place / 4)
      width  = 6
      height = 5
      properties = {
        title   = graph.title
        view    = "timeSeries"
        region  = local.region
        stat    = graph.stat
        period  = 300
        metrics = graph.metrics
      }
    }
  ]
}

# Dashboards have no region of their own, so the name says it.
resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({ widgets = local.widgets })
}
