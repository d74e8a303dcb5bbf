# The bus of all events.

resource "aws_cloudwatch_event_bus" "this" {
  name               = local.names.event_bus
  kms_key_identifier = local.kms_key_arn
  tags               = var.tags
}

# An Allow statement would restrict no principal inside the account, so all other principals are denied.
resource "aws_cloudwatch_event_bus_policy" "this" {
  event_bus_name = aws_cloudwatch_event_bus.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyInterlockPutsEvents"
      Effect    = "Deny"
      Principal = "*"
      Action    = "events:PutEvents"
      Resource  = local.names.event_bus_arn
      Condition = {
        ArnNotEquals = {
          "aws:PrincipalArn" = [local.names.role_arns["stream-router"], local.names.role_arns["watchdog"]]
        }
      }
    }]
  })
}
