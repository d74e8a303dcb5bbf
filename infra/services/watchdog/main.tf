# The watchdog: every few minutes, and after each execution that was ended from outside, it looks for runs, sensors and
# jobs that no record reported.

locals {
  dead_man = var.dead_man_url == null ? {} : { DEAD_MAN_URL = var.dead_man_url }
}

module "function" {
  source = "../../modules/lambda-function"

  deployment      = module.deployment
  service         = "watchdog"
  description     = "Interlock: acts on rows that were left, and reports missing runs."
  letter_bucket   = var.letter_bucket
  is_asynchronous = true
  # A tick that is an hour late reports no more than the next tick.
  maximum_event_age_seconds = 3600

  variables = merge(local.names.table_variables, local.names.timer_variables, local.dead_man, {
    STATE_MACHINE_ARN   = local.names.state_machine_arn
    DLQ_QUEUE_URL       = local.names.queue_urls["sr-control-dlq"]
    SFN_TIMEOUT_SECONDS = tostring(var.sfn_timeout_seconds)
    WATCHDOG_CANARY     = tostring(var.enable_canary)
  })

  statements = concat(
    local.names.statements.control,
    local.names.statements.append_logs,
    local.names.statements.bus,
    local.names.statements.executions,
    local.names.statements.wakes,
    local.names.statements.timers,
    [
      {
        Sid      = "OutboxDeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [local.names.queue_arns["sr-control-dlq"]]
      },
    ],
  )
}

resource "aws_cloudwatch_event_rule" "schedule" {
  name                = local.names.rules["watchdog"]
  description         = "A tick of the watchdog."
  schedule_expression = var.watchdog_schedule
  tags                = var.tags
}

resource "aws_cloudwatch_event_rule" "execution_status" {
  name        = local.names.rules["execution-status"]
  description = "Executions that ended without having closed their run."
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [local.names.state_machine_arn]
      status          = ["ABORTED", "FAILED", "TIMED_OUT"]
    }
  })
  tags = var.tags
}

locals {
  rules = {
    watchdog         = aws_cloudwatch_event_rule.schedule
    execution-status = aws_cloudwatch_event_rule.execution_status
  }
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  rule      = each.value.name
  target_id = "interlock"
  arn       = module.function.arn

  dead_letter_config {
    arn = local.names.queue_arns["async-dlq"]
  }
}

resource "aws_lambda_permission" "this" {
  for_each = local.rules

  statement_id  = "events-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = module.function.name
  principal     = "events.amazonaws.com"
  source_arn    = each.value.arn
}

locals {
  # The alarm of silence looks back two intervals, at least an hour. A period has at least one tick, and CloudWatch takes
  # periods of at most a day and a week of them.
  rate      = one(regexall("^rate\\(([0-9]+) (minute|hour|day)s?\\)$", var.watchdog_schedule))
  scheduled = local.rate == null ? 1200 : tonumber(local.rate[0]) * { minute = 60, hour = 3600, day = 86400 }[local.rate[1]]
  interval  = var.watchdog_interval_seconds == null ? local.scheduled : ceil(coalesce(var.watchdog_interval_seconds, 60) / 60) * 60
  period    = min(max(1800, local.interval), 86400)
  periods   = min(max(2, ceil(2 * local.interval / local.period)), 7)
}

# The alarm on the watchdog itself. A function that is not invoked has no data, so silence is INSUFFICIENT_DATA. A new alarm
# begins in this state, and only a change of the state notifies: the alarm does not go off before the first tick.
resource "aws_cloudwatch_metric_alarm" "silent" {
  alarm_name                = "${module.function.name}-silent"
  alarm_description         = "${module.function.name} was not invoked for ${local.periods * local.period / 60} minutes. Its state is INSUFFICIENT_DATA then."
  namespace                 = "AWS/Lambda"
  metric_name               = "Invocations"
  dimensions                = { FunctionName = module.function.name }
  statistic                 = "Sum"
  period                    = local.period
  evaluation_periods        = local.periods
  comparison_operator       = "LessThanThreshold"
  threshold                 = 1
  treat_missing_data        = "missing"
  alarm_actions             = local.alarm_actions
  ok_actions                = local.alarm_actions
  insufficient_data_actions = local.alarm_actions
  tags                      = var.tags
}

# An execution that ended outside is a failure of the infrastructure, unless an operator aborted it. The alarm is in
# infra/services/orchestrator.
resource "aws_cloudwatch_log_metric_filter" "infra_failures" {
  name           = "${module.function.name}-infra-failures"
  log_group_name = module.function.log_group_name
  pattern        = "{ ($.event = \"execution_ended_outside\") && ($.committed IS TRUE) && ($.status != \"ABORTED\") }"

  metric_transformation {
    name      = "${local.names.state_machine}-infra-failures"
    namespace = "Interlock"
    value     = "1"
  }

  depends_on = [module.function]
}

module "rule_alarm" {
  source = "../../modules/rule-alarm"

  name            = module.function.name
  rules           = { for rule in local.rules : rule.name => "default" }
  alarm_threshold = local.thresholds.rule_failures
  alarm_actions   = local.alarm_actions
  tags            = var.tags
}
