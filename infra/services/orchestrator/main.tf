# The orchestrator and the state machine that calls it: a run from its evaluation to its end.

locals {
  # The machine, and the alias or the version that an ARN may name after it. Executions have the name of the machine only.
  machines = [for arn in var.sfn_trigger_arns : {
    arn       = try(regex("^arn:[^:]*:states:[^:]*:[^:]*:stateMachine:[^:]+", arn), arn)
    qualifier = try(regex("^arn:[^:]*:states:[^:]*:[^:]*:stateMachine:[^:]+:([^:]+)$", arn)[0], "")
  }]

  # The permissions of each job type that is enabled, and the form of its ARNs. Without wildcards and policy variables, an
  # ARN names one target. `prefix` is the form of an ARN whose name ends with *, if a type has one.
  triggers = {
    glue = {
      enabled = var.enable_glue_trigger
      names   = "glue_job_arns"
      arns    = var.glue_job_arns
      target  = "a Glue job, such as arn:aws:glue:eu-west-1:123456789012:job/load"
      form    = "glue:[a-z0-9-]+:[0-9]{12}:job/[^*?$]{1,255}"
      prefix  = "glue:[a-z0-9-]+:[0-9]{12}:job/[^*?$]{1,254}[*]"
      statements = [
        { Action = ["glue:GetJob", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"], Resource = var.glue_job_arns },
        {
          # A run that Glue reports as succeeded counts as a success only if its logs agree.
          Action = ["logs:FilterLogEvents"]
          Resource = concat(
            ["arn:${local.names.partition}:logs:${local.names.region}:${local.names.account_id}:log-group:/aws-glue/*"],
            flatten([for arn in var.glue_log_group_arns : [arn, "${arn}:*"]]),
          )
        },
      ]
    }
    emr = {
      enabled = var.enable_emr_trigger
      names   = "emr_cluster_arns"
      arns    = var.emr_cluster_arns
      target  = "an EMR cluster, such as arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/j-ABC123"
      form    = "elasticmapreduce:[a-z0-9-]+:[0-9]{12}:cluster/j-[A-Z0-9]+"
      prefix  = null
      statements = [{
        Action   = ["elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:DescribeStep", "elasticmapreduce:ListSteps"]
        Resource = var.emr_cluster_arns
      }]
    }
    emr_serverless = {
      enabled = var.enable_emr_serverless_trigger
      names   = "emr_serverless_app_arns"
      arns    = var.emr_serverless_app_arns
      target  = "an EMR Serverless application, such as arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00abc"
      form    = "emr-serverless:[a-z0-9-]+:[0-9]{12}:/applications/[A-Za-z0-9]+"
      prefix  = null
      statements = [
        { Action = ["emr-serverless:StartJobRun"], Resource = var.emr_serverless_app_arns },
        { Action = ["emr-serverless:GetJobRun"], Resource = [for arn in var.emr_serverless_app_arns : "${arn}/jobruns/*"] },
      ]
    }
    sfn = {
      enabled = var.enable_sfn_trigger
      names   = "sfn_trigger_arns"
      arns    = var.sfn_trigger_arns
      target  = "a state machine, such as arn:aws:states:eu-west-1:123456789012:stateMachine:load, with or without a version or an alias"
      form    = "states:[a-z0-9-]+:[0-9]{12}:stateMachine:[^*?$:/\\s]{1,80}(:[A-Za-z0-9_.-]{1,80})?"
      prefix  = "states:[a-z0-9-]+:[0-9]{12}:stateMachine:[^*?$:/\\s]{1,79}[*]"
      statements = concat(
        [{ Action = ["states:DescribeStateMachine", "states:StartExecution"], Resource = var.sfn_trigger_arns }],
        # For an alias or a version AWS checks the ARN of the machine, and the condition names the alias or the version.
        [for machine in local.machines : {
          Action    = ["states:DescribeStateMachine", "states:StartExecution"]
          Resource  = machine.arn
          Condition = { StringEquals = { "states:StateMachineQualifier" = machine.qualifier } }
        } if machine.qualifier != ""],
        [{
          Action   = ["states:DescribeExecution"]
          Resource = distinct([for machine in local.machines : "${replace(machine.arn, ":stateMachine:", ":execution:")}:*"])
        }],
      )
    }
    lambda = {
      enabled = var.enable_lambda_trigger
      names   = "lambda_trigger_arns"
      arns    = var.lambda_trigger_arns
      target  = "a function, such as arn:aws:lambda:eu-west-1:123456789012:function:load, with or without a version or an alias"
      form    = "lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,140}(:([$]LATEST|[A-Za-z0-9_-]{1,128}))?"
      prefix  = "lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,139}[*]"
      statements = [{
        Action = ["lambda:InvokeFunction"]
        # A function that is named without a version or an alias may be invoked with each of them.
        Resource = flatten([for arn in var.lambda_trigger_arns : length(split(":", arn)) > 7 ? [arn] : [arn, "${arn}:*"]])
      }]
    }
  }
}

locals {
  # The ARNs of enabled types that name no single target.
  unnamed = {
    for name, trigger in local.triggers : name => [
      for arn in trigger.arns : arn if !(
        can(regex("^arn:aws[a-z-]*:${trigger.form}$", arn)) ||
        (var.allow_name_prefixes && can(regex("^arn:aws[a-z-]*:${trigger.prefix}$", arn)))
      )
    ]
  }
  unnamed_roles = [for arn in var.emr_serverless_role_arns : arn if !can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$", arn))]
}

module "function" {
  source = "../../modules/lambda-function"

  deployment  = module.deployment
  service     = "orchestrator"
  description = "Interlock: evaluates rules, starts jobs once, follows them and closes runs."

  variables = merge(var.job_variables, local.names.table_variables, {
    SFN_TIMEOUT_SECONDS = tostring(var.sfn_timeout_seconds)
    JOB_EVENTS          = tostring(var.enable_job_events)
  })

  statements = concat(
    local.names.statements.control,
    local.names.statements.append_logs,
    local.names.statements.wakes,
    length(var.job_secret_arns) == 0 ? [] : [{
      Sid      = "JobSecrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = var.job_secret_arns
    }],
    length(var.job_secret_key_arns) == 0 ? [] : [{
      Sid      = "JobSecretKeys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = var.job_secret_key_arns
    }],
  )
}

resource "aws_iam_role_policy" "trigger" {
  for_each = { for name, trigger in local.triggers : name => trigger if trigger.enabled }

  name = "trigger-${replace(each.key, "_", "-")}"
  role = module.function.role_name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in each.value.statements : merge({ Effect = "Allow" }, statement)]
  })

  lifecycle {
    precondition {
      condition     = length(each.value.arns) > 0
      error_message = "enable_${each.key}_trigger is true, so ${each.value.names} must hold at least one ARN."
    }
    precondition {
      condition     = length(local.unnamed[each.key]) == 0
      error_message = "${each.value.names} has ${jsonencode(local.unnamed[each.key])}. Allowed is the ARN of ${each.value.target}, without * and ?.${each.value.prefix == null ? "" : " With allow_name_prefixes = true a name may end with *."}"
    }
  }
}

resource "aws_iam_role_policy" "emr_serverless_roles" {
  count = var.enable_emr_serverless_trigger && length(var.emr_serverless_role_arns) > 0 ? 1 : 0

  name = "trigger-emr-serverless-roles"
  role = module.function.role_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = var.emr_serverless_role_arns
      Condition = { StringEquals = { "iam:PassedToService" = "emr-serverless.amazonaws.com" } }
    }]
  })

  lifecycle {
    precondition {
      condition     = length(local.unnamed_roles) == 0
      error_message = "emr_serverless_role_arns has ${jsonencode(local.unnamed_roles)}. Allowed is the ARN of a role, such as arn:aws:iam::123456789012:role/jobs, without * and ?."
    }
  }
}

check "emr_serverless_roles" {
  assert {
    condition     = !var.enable_emr_serverless_trigger || length(var.emr_serverless_role_arns) > 0
    error_message = "emr_serverless_role_arns is empty: EMR Serverless jobs cannot be given their execution role."
  }
}

resource "aws_cloudwatch_log_group" "pipeline" {
  name              = "/aws/vendedlogs/states/${local.names.state_machine}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "pipeline" {
  name        = "${local.names.prefix}-sfn"
  description = "Role of the state machine, which calls the orchestrator and the SLA monitor and writes logs."
  tags        = var.tags
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
  name = "interlock"
  role = aws_iam_role.pipeline.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Steps"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [local.names.function_arns["orchestrator"], local.names.function_arns["sla-monitor"]]
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
    ]
  })
}

resource "aws_sfn_state_machine" "pipeline" {
  name     = local.names.state_machine
  type     = "STANDARD"
  role_arn = local.names.role_arns["sfn"]
  tags     = var.tags
  definition = templatefile("${path.module}/../../statemachine/interlock.asl.json", {
    orchestrator_arn     = local.names.function_arns["orchestrator"]
    sla_monitor_arn      = local.names.function_arns["sla-monitor"]
    timeout_seconds      = var.sfn_timeout_seconds
    trigger_max_attempts = var.trigger_max_attempts
    partition            = local.names.partition
  })

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.pipeline.arn}:*"
  }

  # A new definition may call modes that earlier functions do not have. An execution under an earlier definition calls
  # only modes that the new functions still have.
  depends_on = [aws_iam_role.pipeline, aws_iam_role_policy.pipeline, module.function, var.wakers]
}

# An execution whose job fails for good ends as failed too. The failures of the infrastructure are lines of the log: those of
# steps here, and those of executions that ended outside in infra/services/watchdog.
resource "aws_cloudwatch_log_metric_filter" "infra_failures" {
  name           = "${module.function.name}-infra-failures"
  log_group_name = "/aws/lambda/${module.function.name}"
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
