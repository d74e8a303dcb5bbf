# The function of one service with its role, log group and error alarm.

locals {
  names    = var.deployment.names
  settings = var.deployment.functions[var.service]
  name     = "${local.names.prefix}-${var.service}"
  zip      = "${var.deployment.dist_path}/${var.service}.zip"

  # An own role or log group is used as it is.
  own_role      = contains(keys(var.deployment.role_arns), var.service)
  role_arn      = local.names.role_arns[var.service]
  role_name     = element(split("/", local.role_arn), -1)
  own_log_group = contains(keys(var.deployment.log_group_arns), var.service)
  log_group_arn = lookup(var.deployment.log_group_arns, var.service, "arn:${local.names.partition}:logs:${local.names.region}:${local.names.account_id}:log-group:/aws/lambda/${local.name}")
  log_group     = split(":log-group:", local.log_group_arn)[1]

  statements = concat(
    [{
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${local.log_group_arn}:*"
    }],
    local.settings.tracing_mode == null ? [] : [{
      # AWS knows no resources for these actions.
      Sid      = "Traces"
      Effect   = "Allow"
      Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = "*"
    }],
    !var.is_asynchronous ? [] : [{
      Sid      = "DeadLetters"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = local.names.queue_arns["async-dlq"]
    }],
    var.deployment.profile_bucket == null ? [] : [{
      Sid      = "Profiles"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = "arn:${local.names.partition}:s3:::${var.deployment.profile_bucket}/*"
    }],
    var.letter_bucket == null ? [] : [{
      Sid      = "LargeLetters"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = "arn:${local.names.partition}:s3:::${var.letter_bucket}/dead-letters/*"
    }],
    var.deployment.kms_key_arn == null ? [] : [{
      Sid      = "Key"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.deployment.kms_key_arn
    }],
    [for statement in concat(local.network_statements, local.network_denials) : statement if local.in_vpc],
    var.statements,
  )

  # Lambda makes the network interfaces with the role of the function. The code of the function may not.
  in_vpc = local.settings.vpc != null
  network_statements = [
    {
      Sid    = "NetworkInterfaces"
      Effect = "Allow"
      Action = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses",
      ]
      # A subnet or a security group that another account shares has the ARN of its owner.
      Resource = [
        "arn:${local.names.partition}:ec2:${local.names.region}:${local.names.account_id}:*/*",
        "arn:${local.names.partition}:ec2:${local.names.region}:*:subnet/*",
        "arn:${local.names.partition}:ec2:${local.names.region}:*:security-group/*",
      ]
    },
    {
      # AWS knows no resources for these actions.
      Sid      = "FindNetwork"
      Effect   = "Allow"
      Action   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
      Resource = "*"
    },
  ]
  network_denials = [for sid, arn in local.code_arns : {
    Sid    = sid
    Effect = "Deny"
    Action = [
      "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:UnassignPrivateIpAddresses",
    ]
    Resource  = "*"
    Condition = { ArnEquals = { "lambda:SourceFunctionArn" = arn } }
  }]
}

resource "aws_iam_role" "this" {
  count = local.own_role ? 0 : 1

  name                 = local.role_name
  path                 = var.deployment.iam_path
  description          = "Role of ${local.name}."
  permissions_boundary = var.deployment.permissions_boundary_arn
  tags                 = var.deployment.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  count = local.own_role ? 0 : 1

  name   = "interlock"
  role   = aws_iam_role.this[0].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_cloudwatch_log_group" "this" {
  count = local.own_log_group ? 0 : 1

  name              = local.log_group
  retention_in_days = local.settings.log_retention_days
  kms_key_id        = var.deployment.kms_key_arn
  tags              = var.deployment.tags
}

resource "aws_lambda_function" "this" {
  function_name                  = local.name
  description                    = var.description
  role                           = local.role_arn
  handler                        = "interlock_${replace(var.service, "-", "_")}.handler.handle"
  runtime                        = "python3.13"
  architectures                  = [var.deployment.lambda_architecture]
  filename                       = local.zip
  source_code_hash               = try(filebase64sha256(local.zip), null)
  memory_size                    = local.settings.memory_size
  timeout                        = local.settings.timeout_seconds
  reserved_concurrent_executions = local.settings.reserved_concurrency
  kms_key_arn                    = var.deployment.kms_key_arn
  publish                        = local.has_alias ? true : null
  layers                         = local.settings.layers
  tags                           = var.deployment.tags

  environment {
    variables = merge(
      # Without the folders of the system, the zones of the packed tzdata decide. An old system would win otherwise.
      { PYTHONTZPATH = "" },
      var.deployment.environment_variables,
      var.deployment.profile_bucket == null ? {} : { PROFILE_BUCKET = var.deployment.profile_bucket },
      var.letter_bucket == null ? {} : { DLQ_BUCKET = var.letter_bucket },
      var.variables,
    )
  }

  dynamic "vpc_config" {
    for_each = local.in_vpc ? [true] : []
    content {
      subnet_ids         = local.settings.vpc.subnet_ids
      security_group_ids = local.settings.vpc.security_group_ids
    }
  }

  dynamic "tracing_config" {
    for_each = local.settings.tracing_mode == null ? [] : [local.settings.tracing_mode]
    content {
      mode = tracing_config.value
    }
  }

  dynamic "snap_start" {
    for_each = local.settings.snap_start ? [true] : []
    content {
      apply_on = "PublishedVersions"
    }
  }

  dynamic "logging_config" {
    for_each = local.own_log_group ? [local.log_group] : []
    content {
      log_group  = logging_config.value
      log_format = "Text" # The lines are JSON already.
    }
  }

  dynamic "dead_letter_config" {
    for_each = var.is_asynchronous ? [local.names.queue_arns["async-dlq"]] : []
    content {
      target_arn = dead_letter_config.value
    }
  }

  lifecycle {
    precondition {
      condition     = fileexists(local.zip)
      error_message = "dist_path has no ${var.service}.zip: ${local.zip} does not exist. Build the zips first."
    }
  }

  # AWS checks that the role may use the dead-letter queue. The log group must exist before the function writes its first
  # line, because AWS would create one without our retention.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role.this, aws_iam_role_policy.this]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.is_asynchronous ? 1 : 0

  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = var.maximum_event_age_seconds
}
