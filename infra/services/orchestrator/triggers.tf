# The job types that the orchestrator may start, and the permissions of each.

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

locals {
  enabled = { for name, trigger in local.triggers : name => trigger if trigger.enabled }
  trigger_problems = concat(
    flatten([for name, trigger in local.enabled : concat(
      length(trigger.arns) > 0 ? [] : ["enable_${name}_trigger is true, so ${trigger.names} must hold at least one ARN."],
      length(local.unnamed[name]) == 0 ? [] : [
        "${trigger.names} has ${jsonencode(local.unnamed[name])}. Allowed is the ARN of ${trigger.target}, without * and ?.${trigger.prefix == null ? "" : " With allow_name_prefixes = true a name may end with *."}"
      ],
    )]),
    !var.enable_emr_serverless_trigger || length(local.unnamed_roles) == 0 ? [] : [
      "emr_serverless_role_arns has ${jsonencode(local.unnamed_roles)}. Allowed is the ARN of a role, such as arn:aws:iam::123456789012:role/jobs, without * and ?."
    ],
  )

  # The statements of each policy of the role, by its name.
  trigger_statements = merge(
    { for name, trigger in local.enabled : name => [for statement in trigger.statements : merge({ Effect = "Allow" }, statement)] },
    !var.enable_emr_serverless_trigger || length(var.emr_serverless_role_arns) == 0 ? {} : {
      emr_serverless_roles = [{
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = var.emr_serverless_role_arns
        Condition = { StringEquals = { "iam:PassedToService" = "emr-serverless.amazonaws.com" } }
      }]
    },
  )
}

resource "aws_iam_role_policy" "trigger" {
  for_each = { for name, statements in local.trigger_statements : name => statements if !module.function.own_role }

  name   = "trigger-${replace(each.key, "_", "-")}"
  role   = module.function.role_name
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

moved {
  from = aws_iam_role_policy.emr_serverless_roles[0]
  to   = aws_iam_role_policy.trigger["emr_serverless_roles"]
}

check "emr_serverless_roles" {
  assert {
    condition     = !var.enable_emr_serverless_trigger || length(var.emr_serverless_role_arns) > 0
    error_message = "emr_serverless_role_arns is empty: EMR Serverless jobs cannot be given their execution role."
  }
}
