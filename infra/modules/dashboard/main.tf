# One dashboard per deployment: runs and alerts first, then the parts of AWS below them.

locals {
  names     = var.deployment.names
  services  = sort(keys(var.deployment.functions))
  functions = [for service in local.services : "${local.names.prefix}-${service}"]
  tables    = values(local.names.tables)

  # A widget has metrics, each a list of namespace, name, dimensions and options, or the names of metrics that the packages
  # emit, with a statistic.
  widgets = concat(local.own, local.parts)

  # The metrics that the packages emit with INTERLOCK_METRICS=emf, of all services. docs/reference/environment.md lists them.
  own = [for widget in [
    { title = "Runs (p90, seconds)", stat = "p90", metrics = ["interlock.run.lateness", "interlock.run.held.duration", "interlock.run.start.delay"] },
    { title = "Records", stat = "Sum", metrics = ["interlock.records.processed", "interlock.dlq.routed", "interlock.batch.failures"] },
    { title = "Alerts", stat = "Maximum", metrics = ["interlock.alerts.pending", "interlock.canary.latency", "interlock.slack.faults"] },
    { title = "Wakes and stages (p99, seconds)", stat = "p99", metrics = ["interlock.wake.latency", "interlock.stage.duration"] },
    { title = "Rules, and stages that took too long", stat = "Sum", metrics = ["interlock.rules.evaluated", "interlock.stage.overruns", "interlock.dead_man.failures"] },
    { title = "Workers and circuit breakers", stat = "Maximum", metrics = ["interlock.pool.active", "interlock.breaker.state"] },
    ] : {
    title = widget.title
    stat  = widget.stat
    metrics = [for number, metric in widget.metrics : [{
      id         = "m${number}"
      expression = "SEARCH('{Interlock,environment,service} MetricName=\"${metric}\" environment=\"${var.environment}\"', '${widget.stat}', 300)"
      label      = "${trimprefix(metric, "interlock.")} $${PROP('Dim.service')}"
    }]]
  }]

  parts = [
    {
      title   = "Executions"
      stat    = "Sum"
      metrics = [for metric in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut", "ExecutionThrottled"] : ["AWS/States", metric, "StateMachineArn", local.names.state_machine_arn]]
    },
    {
      title = "Failures that the logs report"
      stat  = "Sum"
      metrics = concat(
        [["Interlock", "${local.names.state_machine}-infra-failures"]],
        [for fault in ["dead-lettered", "digest-waits", "silence-unreadable", "unusable", "waiting"] : ["Interlock", "${local.names.prefix}-alert-dispatcher-${fault}"]],
      )
    },
    {
      title   = "Latency of the canary (seconds)"
      stat    = "Maximum"
      metrics = [["Interlock", "${local.names.prefix}-canary-latency"]]
    },
    { title = "Invocations", stat = "Sum", metrics = [for name in local.functions : ["AWS/Lambda", "Invocations", "FunctionName", name]] },
    { title = "Errors", stat = "Sum", metrics = [for name in local.functions : ["AWS/Lambda", "Errors", "FunctionName", name]] },
    { title = "Throttles", stat = "Sum", metrics = [for name in local.functions : ["AWS/Lambda", "Throttles", "FunctionName", name]] },
    { title = "Duration (p99, ms)", stat = "p99", metrics = [for name in local.functions : ["AWS/Lambda", "Duration", "FunctionName", name]] },
    { title = "Invocations at once", stat = "Maximum", metrics = [for name in local.functions : ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", name]] },
    { title = "Age of the streams (ms)", stat = "Maximum", metrics = [["AWS/Lambda", "IteratorAge", "FunctionName", "${local.names.prefix}-stream-router"]] },
    { title = "Messages", stat = "Maximum", metrics = [for name in var.queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name]] },
    { title = "Age of the oldest message (seconds)", stat = "Maximum", metrics = [for name in var.queues : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", name]] },
    {
      title   = "SLA timers"
      stat    = "Sum"
      metrics = [for metric in ["InvocationAttemptCount", "TargetErrorCount", "InvocationDroppedCount"] : ["AWS/Scheduler", metric, "ScheduleGroup", local.names.scheduler_group]]
    },
    { title = "Reads", stat = "Sum", metrics = [for name in local.tables : ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", name]] },
    { title = "Writes", stat = "Sum", metrics = [for name in local.tables : ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", name]] },
    {
      title   = "Throttled reads and writes"
      stat    = "Sum"
      metrics = flatten([for name in local.tables : [for kind in ["Read", "Write"] : { row = ["AWS/DynamoDB", "${kind}ThrottleEvents", "TableName", name] }]])[*].row
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.names.prefix
  dashboard_body = jsonencode({
    start = "-PT12H"
    # Three widgets in each row of 24 columns.
    widgets = [for number, widget in local.widgets : {
      type   = "metric"
      x      = 8 * (number % 3)
      y      = 6 * floor(number / 3)
      width  = 8
      height = 6
      properties = {
        title   = widget.title
        region  = local.names.region
        view    = "timeSeries"
        period  = 300
        stat    = widget.stat
        metrics = widget.metrics
      }
    }]
  })
}
