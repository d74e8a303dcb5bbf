# The events of ended jobs: each wakes the run that follows its job. Runs of jobs whose event is lost ask by themselves.

locals {
  # Events of other jobs of the account come too. The router drops them after one read.
  job_events = {
    glue = {
      source      = ["aws.glue"]
      detail-type = ["Glue Job State Change"]
      detail      = { state = ["FAILED", "STOPPED", "SUCCEEDED", "TIMEOUT"] }
    }
    emr = {
      source      = ["aws.emr"]
      detail-type = ["EMR Step Status Change"]
      detail      = { state = ["CANCELLED", "COMPLETED", "FAILED", "INTERRUPTED"] }
    }
    emr-serverless = {
      source      = ["aws.emr-serverless"]
      detail-type = ["EMR Serverless Job Run State Change"]
      detail      = { state = ["CANCELLED", "FAILED", "SUCCESS"] }
    }
    step-function = {
      source      = ["aws.states"]
      detail-type = ["Step Functions Execution Status Change"]
      detail = {
        status = ["ABORTED", "FAILED", "SUCCEEDED", "TIMED_OUT"]
        # An execution of Interlock itself is no job.
        stateMachineArn = [{ anything-but = [local.names.state_machine_arn] }]
      }
    }
  }
  job_rule_arns = [for type in keys(local.job_events) : local.names.rule_arns["job-events-${type}"]]
  job_statements = [
    {
      Sid      = "JobEvents"
      Effect   = "Allow"
      Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      Resource = local.names.queue_arns["job-events"]
    },
  ]
}

module "job_events" {
  count  = var.enable_job_events ? 1 : 0
  source = "../../modules/queue"

  name = local.names.queues["job-events"]
  arn  = local.names.queue_arns["job-events"]
  # Twice the timeout of the function. After an hour of receives an event is useless: its run has asked by itself.
  visibility_timeout_seconds = 2 * module.deployment.functions["stream-router"].timeout_seconds
  dead_letter                = { queue_arn = module.job_events_dlq[0].arn, max_receives = 30 }
  rule_arns                  = local.job_rule_arns
  alarm                      = false
  kms_key_arn                = local.kms_key_arn
  tags                       = var.tags
}

module "job_events_dlq" {
  count  = var.enable_job_events ? 1 : 0
  source = "../../modules/queue"

  name            = local.names.queues["job-events-dlq"]
  arn             = local.names.queue_arns["job-events-dlq"]
  rule_arns       = local.job_rule_arns
  alarm_threshold = local.thresholds.dead_letters
  alarm_actions   = local.alarm_actions
  kms_key_arn     = local.kms_key_arn
  tags            = var.tags
}

resource "aws_cloudwatch_event_rule" "job_events" {
  for_each = { for type, pattern in local.job_events : type => pattern if var.enable_job_events }

  name          = local.names.rules["job-events-${each.key}"]
  description   = "Ended jobs of the type ${each.key}."
  event_pattern = jsonencode(each.value)
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "job_events" {
  for_each = aws_cloudwatch_event_rule.job_events

  rule      = each.value.name
  target_id = "interlock"
  arn       = module.job_events[0].arn

  dead_letter_config {
    arn = module.job_events_dlq[0].arn
  }
}

resource "aws_lambda_event_source_mapping" "job_events" {
  count = var.enable_job_events ? 1 : 0

  function_name           = module.function.target_arn
  event_source_arn        = module.job_events[0].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  # The events leave most invocations to the streams.
  scaling_config {
    maximum_concurrency = 2
  }
}

module "job_events_alarm" {
  count  = var.enable_job_events ? 1 : 0
  source = "../../modules/rule-alarm"

  name            = module.function.name
  rules           = { for rule in aws_cloudwatch_event_rule.job_events : rule.name => "default" }
  alarm_threshold = local.thresholds.rule_failures
  alarm_actions   = local.alarm_actions
  tags            = var.tags
}
