# The group of the SLA timers, and the role that fires them.

resource "aws_scheduler_schedule_group" "timers" {
  name = local.names.scheduler_group
  tags = var.tags
}

locals {
  own_scheduler_role = contains(keys(var.role_arns), "scheduler")
  scheduler_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Fire"
          Effect   = "Allow"
          Action   = ["lambda:InvokeFunction"]
          Resource = local.names.function_arns["sla-monitor"]
        },
      ],
      # A timer invokes the ARN that it was made with: timers from before SnapStart name the function.
      [for service, arn in local.names.alias_arns : {
        Sid      = "FireAlias"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = arn
      } if service == "sla-monitor"],
      [
        {
          Sid      = "DeadLetters"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = local.names.queue_arns["async-dlq"]
        },
      ],
      local.kms_key_arn == null ? [] : [{
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = local.kms_key_arn
      }],
    )
  })
}

resource "aws_iam_role" "scheduler" {
  count = local.own_scheduler_role ? 0 : 1

  name                 = "${local.names.prefix}-scheduler"
  path                 = var.iam_path
  description          = "Role of the SLA timers, which invoke the SLA monitor."
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.names.account_id
          "aws:SourceArn"     = local.names.scheduler_group_arn
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  count = local.own_scheduler_role ? 0 : 1

  name   = "interlock"
  role   = aws_iam_role.scheduler[0].name
  policy = local.scheduler_policy
}
