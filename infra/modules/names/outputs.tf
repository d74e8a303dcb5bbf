output "prefix" {
  description = "Common beginning of all names, without the last '-'."
  value       = local.prefix
}

output "account_id" {
  description = "The account that is deployed to."
  value       = local.account
}

output "partition" {
  description = "aws, aws-cn or aws-us-gov."
  value       = local.partition
}

output "region" {
  description = "The region that is deployed to."
  value       = local.region
}

output "tables" {
  description = "Table names: control, joblog, rerun, events."
  value       = { for name in local.tables : name => "${local.prefix}-${name}" }
}

output "table_arns" {
  description = "Table ARNs: control, joblog, rerun, events."
  value       = { for name in local.tables : name => "arn:${local.partition}:dynamodb:${local.regional}:table/${local.prefix}-${name}" }
}

output "event_bus" {
  description = "Name of the event bus."
  value       = local.bus
}

output "event_bus_arn" {
  description = "ARN of the event bus."
  value       = "arn:${local.partition}:events:${local.regional}:event-bus/${local.bus}"
}

output "function_arns" {
  description = "Function ARNs by service, without a version or an alias."
  value       = local.function_arns
}

output "alias" {
  description = "Name of the alias of a function with SnapStart."
  value       = local.alias
}

output "alias_arns" {
  description = "ARNs of the aliases, by service. A service without an alias is left out."
  value       = local.alias_arns
}

output "target_arns" {
  description = "ARNs that invokers name, by service: the alias of a function with SnapStart, otherwise the function."
  value       = local.target_arns
}

output "role_arns" {
  description = "Role ARNs: one per service, sfn for the state machine, and scheduler."
  value       = local.role_arns
}

output "state_machine" {
  description = "Name of the state machine."
  value       = local.state_machine
}

output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = "arn:${local.partition}:states:${local.regional}:stateMachine:${local.state_machine}"
}

output "executions_arn" {
  description = "ARN pattern of the state machine's executions."
  value       = "arn:${local.partition}:states:${local.regional}:execution:${local.state_machine}:*"
}

output "alarms_arn" {
  description = "The beginning of the ARN of an alarm, without its name."
  value       = "arn:${local.partition}:cloudwatch:${local.regional}:alarm"
}

output "queues" {
  description = "Queue names, by the rest of the name after the prefix."
  value       = local.queue_names
}

output "queue_arns" {
  description = "Queue ARNs, by the rest of the name after the prefix."
  value       = local.queue_arns
}

output "queue_urls" {
  description = "Queue URLs, by the rest of the name after the prefix."
  value       = { for thing, name in local.queue_names : thing => "https://sqs.${local.region}.${data.aws_partition.current.dns_suffix}/${local.account}/${name}" }
}

output "rules" {
  description = "Names of the EventBridge rules, by the rest of the name after the prefix."
  value       = { for name in setunion(local.bus_rules, local.default_rules) : name => "${local.prefix}-${name}" }
}

output "rule_arns" {
  description = "ARNs of the EventBridge rules, by the rest of the name after the prefix."
  value = merge(
    { for name in local.bus_rules : name => "arn:${local.partition}:events:${local.regional}:rule/${local.bus}/${local.prefix}-${name}" },
    { for name in local.default_rules : name => "arn:${local.partition}:events:${local.regional}:rule/${local.prefix}-${name}" },
  )
}

output "scheduler_group" {
  description = "Name of the schedule group of SLA timers."
  value       = local.timers
}

output "scheduler_group_arn" {
  description = "ARN of the schedule group of SLA timers."
  value       = "arn:${local.partition}:scheduler:${local.regional}:schedule-group/${local.timers}"
}

output "timers_arn" {
  description = "ARN pattern of the SLA timers."
  value       = "arn:${local.partition}:scheduler:${local.regional}:schedule/${local.timers}/*"
}

output "table_variables" {
  description = "Environment variables that name the tables and the bus."
  value = {
    CONTROL_TABLE  = "${local.prefix}-control"
    JOBLOG_TABLE   = "${local.prefix}-joblog"
    RERUN_TABLE    = "${local.prefix}-rerun"
    EVENT_BUS_NAME = local.bus
  }
}

output "timer_variables" {
  description = "Environment variables of the functions that set SLA timers."
  value = {
    SLA_MONITOR_ARN      = local.target_arns["sla-monitor"]
    SCHEDULER_ROLE_ARN   = local.role_arns["scheduler"]
    SCHEDULER_GROUP_NAME = local.timers
    SCHEDULER_DLQ_ARN    = local.queue_arns["async-dlq"]
  }
}

output "statements" {
  description = "IAM statements that several services need, each a list."
  value = {
    # DynamoDB's leading-key conditions cannot separate rows (one PK per pipeline): actions, tables and the index do.
    control = [
      {
        Sid    = "ControlRows"
        Effect = "Allow"
        Action = [
          "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem",
          "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
        ]
        Resource = "arn:${local.partition}:dynamodb:${local.regional}:table/${local.prefix}-control"
      },
      {
        Sid      = "ControlIndex"
        Effect   = "Allow"
        Action   = ["dynamodb:Query"]
        Resource = "arn:${local.partition}:dynamodb:${local.regional}:table/${local.prefix}-control/index/GSI1"
      },
    ]
    # The job log and the reruns are append-only: no service may change or delete a row.
    append_logs = [{
      Sid    = "AppendLogs"
      Effect = "Allow"
      Action = ["dynamodb:PutItem", "dynamodb:Query"]
      Resource = [
        "arn:${local.partition}:dynamodb:${local.regional}:table/${local.prefix}-joblog",
        "arn:${local.partition}:dynamodb:${local.regional}:table/${local.prefix}-rerun",
      ]
    }]
    read_logs = [{
      Sid    = "ReadLogs"
      Effect = "Allow"
      Action = ["dynamodb:Query"]
      Resource = [
        "arn:${local.partition}:dynamodb:${local.regional}:table/${local.prefix}-joblog",
        "arn:${local.partition}:dynamodb:${local.regional}:table/${local.prefix}-rerun",
      ]
    }]
    bus = [{
      Sid      = "Bus"
      Effect   = "Allow"
      Action   = ["events:DescribeEventBus", "events:PutEvents"]
      Resource = "arn:${local.partition}:events:${local.regional}:event-bus/${local.bus}"
    }]
    executions = [
      {
        Sid      = "StartExecutions"
        Effect   = "Allow"
        Action   = ["states:DescribeStateMachine", "states:StartExecution"]
        Resource = "arn:${local.partition}:states:${local.regional}:stateMachine:${local.state_machine}"
      },
      {
        Sid      = "ReadExecutions"
        Effect   = "Allow"
        Action   = ["states:DescribeExecution"]
        Resource = "arn:${local.partition}:states:${local.regional}:execution:${local.state_machine}:*"
      },
    ]
    # A task token names no execution, so Step Functions checks the permission for its state machine.
    wakes = [{
      Sid      = "WakeExecutions"
      Effect   = "Allow"
      Action   = ["states:SendTaskSuccess"]
      Resource = "arn:${local.partition}:states:${local.regional}:stateMachine:${local.state_machine}"
    }]
    timers = [
      {
        Sid      = "Timers"
        Effect   = "Allow"
        Action   = ["scheduler:CreateSchedule", "scheduler:DeleteSchedule"]
        Resource = "arn:${local.partition}:scheduler:${local.regional}:schedule/${local.timers}/*"
      },
      {
        Sid      = "TimerGroup"
        Effect   = "Allow"
        Action   = ["scheduler:GetScheduleGroup"]
        Resource = "arn:${local.partition}:scheduler:${local.regional}:schedule-group/${local.timers}"
      },
      {
        Sid       = "PassTimerRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = local.role_arns["scheduler"]
        Condition = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
      },
    ]
  }
}
