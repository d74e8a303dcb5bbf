# Every name and ARN of a deployment, from its environment alone, so that services with separate states agree
# without reading each other's.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  prefix    = "${var.environment}-interlock"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  services = toset(["stream-router", "orchestrator", "sla-monitor", "watchdog", "event-sink", "alert-dispatcher"])
  tables   = toset(["control", "joblog", "rerun", "events"])
  queues = toset([
    "event-sink", "event-sink-dlq", "alerts", "alert-dlq", "sr-control-dlq", "sr-joblog-dlq", "async-dlq", "job-events",
    "job-events-dlq",
  ])
  # FIFO queues, which exist with a sensor inbox only. SQS demands the suffix.
  fifo_queues = toset(["sensor-inbox", "sensor-inbox-dlq"])
  queue_names = merge(
    { for name in local.queues : name => "${local.prefix}-${name}" },
    { for name in local.fifo_queues : name => "${local.prefix}-${name}.fifo" },
  )
  # The rules by their subject: on our bus, and on the account's default bus.
  bus_rules = toset(["event-sink", "alerts"])
  default_rules = toset([
    "watchdog", "execution-status", "alert-probe", "infra-alarm-events", "infra-alarm-alerts", "job-events-glue",
    "job-events-emr", "job-events-emr-serverless", "job-events-step-function",
  ])

  role_arns = merge(
    { for name in setunion(local.services, ["scheduler", "sfn"]) : name => "arn:${local.partition}:iam::${local.account}:role${var.iam_path}${local.prefix}-${name}" },
    var.role_arns,
  )
  queue_arns = merge(
    { for thing, name in local.queue_names : thing => "arn:${local.partition}:sqs:${local.regional}:${name}" },
    var.queue_arns,
  )

  # An invoker of a function with SnapStart names its alias: AWS restores published versions only.
  alias         = "live"
  function_arns = { for name in local.services : name => "arn:${local.partition}:lambda:${local.regional}:function:${local.prefix}-${name}" }
  alias_arns    = { for name in var.aliased_services : name => "${local.function_arns[name]}:${local.alias}" }
  target_arns   = merge(local.function_arns, { for name in var.snap_start_services : name => "${local.function_arns[name]}:${local.alias}" })

  regional      = "${local.region}:${local.account}"
  bus           = "${local.prefix}-bus"
  state_machine = "${local.prefix}-pipeline"
  timers        = "${local.prefix}-sla"
}
