# Managed policies for people and for producers. No policy is attached to anyone.

locals {
  names  = var.deployment.names
  tables = local.names.table_arns
  queues = [for name in var.queues : local.names.queue_arns[name]]
  dlqs   = [for name in var.queues : local.names.queue_arns[name] if endswith(name, "-dlq")]

  key_of = {
    reading = var.deployment.kms_key_arn == null ? [] : [{ Sid = "Key", Effect = "Allow", Action = ["kms:Decrypt"], Resource = var.deployment.kms_key_arn }]
    writing = var.deployment.kms_key_arn == null ? [] : [{ Sid = "Key", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.deployment.kms_key_arn }]
  }

  # The commands that only read, and the page of interlock web.
  reading = [
    {
      Sid    = "ReadRows"
      Effect = "Allow"
      Action = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]
      Resource = concat(
        [for table in ["control", "events", "joblog", "rerun"] : local.tables[table]],
        ["${local.tables["control"]}/index/GSI1", "${local.tables["control"]}/index/GSI2", "${local.tables["events"]}/index/GSI1"],
      )
    },
    {
      Sid      = "CountMessages"
      Effect   = "Allow"
      Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
      Resource = local.queues
    },
  ]

  # Pushes, pauses, reruns and silences are rows of control and events. joblog and rerun stay append-only, by the services.
  operating = [
    {
      Sid      = "ChangeRows"
      Effect   = "Allow"
      Action   = ["dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      Resource = [local.tables["control"], local.tables["events"]]
    },
    {
      Sid      = "RedriveMessages"
      Effect   = "Allow"
      Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"]
      Resource = local.dlqs
    },
    {
      # A redrive gives each record to its function again, by the alias if there is one. AWS reports an absent alias only to
      # callers that may invoke it.
      Sid      = "InvokeFunctions"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = flatten([for arn in values(local.names.function_arns) : [arn, "${arn}:${local.names.alias}"]])
    },
    {
      Sid      = "ReadStreams"
      Effect   = "Allow"
      Action   = ["dynamodb:GetRecords", "dynamodb:GetShardIterator"]
      Resource = ["${local.tables["control"]}/stream/*", "${local.tables["joblog"]}/stream/*"]
    },
  ]

  policies = merge(
    {
      reader = {
        description = "Interlock: see runs, alerts and the number of dead letters."
        statements  = concat(local.reading, local.key_of.reading)
      }
      operator = {
        description = "Interlock: see everything, push pipelines, request reruns, pause, silence and redrive. It can make Interlock run any permitted job."
        statements  = concat(local.reading, local.operating, local.key_of.writing)
      }
      table-sensor-writer = {
        description = "Interlock: write sensor rows of any pipeline. No config with a command, but an empty config and rows of runs."
        statements = concat([{
          Sid      = "PutRows"
          Effect   = "Allow"
          Action   = ["dynamodb:PutItem"]
          Resource = local.tables["control"]
          Condition = {
            "ForAllValues:StringLike"   = { "dynamodb:LeadingKeys" = ["PIPELINE#*"] }
            "ForAllValues:StringEquals" = { "dynamodb:Attributes" = ["PK", "SK", "data", "ttl"] }
          }
        }], local.key_of.writing)
      }
    },
    !var.enable_sensor_inbox ? {} : {
      inbox-sensor-writer = {
        description = "Interlock: send readings to the sensor inbox, and nothing else."
        statements = concat([{
          Sid      = "SendReadings"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = local.names.queue_arns["sensor-inbox"]
        }], local.key_of.writing)
      }
    },
  )
}

resource "aws_iam_policy" "this" {
  for_each = local.policies

  name        = "${local.names.prefix}-${each.key}"
  path        = var.deployment.iam_path
  description = each.value.description
  policy      = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
  tags        = var.deployment.tags
}
