# One of the four tables: on demand, encrypted, with point-in-time recovery, a TTL and the keys PK and SK.

locals {
  attributes = merge({ PK = "S", SK = "S" }, [for index in var.indexes : {
    (index.hash_key)  = "S"
    (index.range_key) = index.range_type
  }]...)
}

resource "aws_dynamodb_table" "this" {
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "PK"
  range_key                   = "SK"
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = var.stream
  stream_view_type            = var.stream ? "NEW_IMAGE" : null
  tags                        = var.tags

  dynamic "attribute" {
    for_each = local.attributes
    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = var.indexes
    content {
      name               = global_secondary_index.value.name
      hash_key           = global_secondary_index.value.hash_key
      range_key          = global_secondary_index.value.range_key
      projection_type    = global_secondary_index.value.include == null ? "ALL" : "INCLUDE"
      non_key_attributes = global_secondary_index.value.include
    }
  }

  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}

# The throttled reads and writes of the table and of its indexes. The services repeat them, so a short burst is no fault.
locals {
  indexes = concat([{}], [for index in var.indexes : { GlobalSecondaryIndexName = index.name }])
  throttles = flatten([for number, index in local.indexes : [
    for kind in ["Read", "Write"] : { id = "${lower(kind)}s${number}", metric = "${kind}ThrottleEvents", dimensions = merge({ TableName = var.name }, index) }
  ]])
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  alarm_name          = "${var.name}-throttles"
  alarm_description   = "${var.name} was throttled for 15 minutes: rows are read and written late."
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "throttles"
    label       = "Throttled reads and writes"
    expression  = join(" + ", [for query in local.throttles : "FILL(${query.id}, 0)"])
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.throttles
    content {
      id = metric_query.value.id

      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        stat        = "Sum"
        period      = 300
      }
    }
  }
}
