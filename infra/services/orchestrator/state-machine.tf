# The state machine, with its role, log group and alarms.

locals {
  # An own role or log group is used as it is.
  own_sfn_role      = contains(keys(var.role_arns), "sfn")
  own_sfn_log_group = contains(keys(var.log_group_arns), "sfn")
  sfn_log_group_arn = lookup(var.log_group_arns, "sfn", "arn:${local.names.partition}:logs:${local.names.region}:${local.names.account_id}:log-group:/aws/vendedlogs/states/${local.names.state_machine}")

  # The functions that the steps invoke.
  stepped = ["orchestrator", "sla-monitor"]
  definition = templatefile("${path.module}/../../statemachine/interlock.asl.json", {
    orchestrator_arn     = local.names.target_arns["orchestrator"]
    sla_monitor_arn      = local.names.target_arns["sla-monitor"]
    timeout_seconds      = var.sfn_timeout_seconds
    trigger_max_attempts = var.trigger_max_attempts
    partition            = local.names.partition
  })

  # AWS makes a new snapshot of a version that was idle for 14 days, and rejects invocations for some minutes. The steps wait
  # for it as they wait for a function without a free place.
  is_restored  = anytrue([for service in local.stepped : local.names.target_arns[service] != local.names.function_arns[service]])
  busy         = "\"Lambda.TooManyRequestsException\","
  not_restored = "\"Lambda.SnapStartNotReadyException\", \"Lambda.SnapStartTimeoutException\", \"Lambda.SnapStartException\","

  sfn_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid    = "Steps"
          Effect = "Allow"
          Action = ["lambda:InvokeFunction"]
          # An execution invokes the ARNs that its definition had at its start, also after snap_start changes.
          Resource = concat(
            [for service in local.stepped : local.names.function_arns[service]],
            [for service in local.stepped : local.names.alias_arns[service] if contains(keys(local.names.alias_arns), service)],
          )
        },
        {
          # AWS knows no resources for the delivery of logs.
          Sid    = "Logs"
          Effect = "Allow"
          Action = [
            "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
          ]
          Resource = "*"
        },
      ],
      !var.enable_sfn_tracing ? [] : [{
        # AWS knows no resources for these actions.
        Sid      = "Traces"
        Effect   = "Allow"
        Action   = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource = "*"
      }],
    )
  })
}

resource "aws_cloudwatch_log_group" "pipeline" {
  count = local.own_sfn_log_group ? 0 : 1

  name              = split(":log-group:", local.sfn_log_group_arn)[1]
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "pipeline" {
  count = local.own_sfn_role ? 0 : 1

  name                 = "${local.names.prefix}-sfn"
  path                 = var.iam_path
  description          = "Role of the state machine, which calls the orchestrator and the SLA monitor and writes logs."
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.names.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "pipeline" {
  count = local.own_sfn_role ? 0 : 1

  name   = "interlock"
  role   = aws_iam_role.pipeline[0].name
  policy = local.sfn_policy
}

resource "aws_sfn_state_machine" "pipeline" {
  name       = local.names.state_machine
  type       = "STANDARD"
  role_arn   = local.names.role_arns["sfn"]
  tags       = var.tags
  definition = local.is_restored ? replace(local.definition, local.busy, "${local.busy} ${local.not_restored}") : local.definition

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${local.sfn_log_group_arn}:*"
  }

  tracing_configuration {
    enabled = var.enable_sfn_tracing
  }

  # A new definition may call modes that earlier functions do not have. An execution under an earlier definition calls
  # only modes that the new functions still have.
  depends_on = [aws_cloudwatch_log_group.pipeline, aws_iam_role.pipeline, aws_iam_role_policy.pipeline, module.function, var.wakers]
}

# An execution whose job fails for good ends as failed too. The failures of the infrastructure are lines of the log: those of
# steps here, and those of executions that ended outside in infra/services/watchdog.
resource "aws_cloudwatch_log_metric_filter" "infra_failures" {
  name           = "${module.function.name}-infra-failures"
  log_group_name = module.function.log_group_name
  pattern        = "{ $.event = \"infra_failure\" }"

  metric_transformation {
    name      = "${local.names.state_machine}-infra-failures"
    namespace = "Interlock"
    value     = "1"
  }

  depends_on = [module.function]
}

resource "aws_cloudwatch_metric_alarm" "infra_failures" {
  alarm_name          = "${local.names.state_machine}-infra-failures"
  alarm_description   = "A step could not be done after all retries, or an execution ended outside. The log lines infra_failure and execution_ended_outside have the run."
  namespace           = "Interlock"
  metric_name         = "${local.names.state_machine}-infra-failures"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "pipeline" {
  for_each = { timed-out = "ExecutionsTimedOut" }

  alarm_name          = "${local.names.state_machine}-${each.key}"
  alarm_description   = "Executions of ${local.names.state_machine} ${replace(each.key, "-", " ")}."
  namespace           = "AWS/States"
  metric_name         = each.value
  dimensions          = { StateMachineArn = local.names.state_machine_arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags
}
