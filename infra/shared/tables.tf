# The four tables.

module "control" {
  source = "../modules/dynamodb-table"

  name   = local.names.tables["control"]
  stream = true
  indexes = [
    { name = "GSI1", hash_key = "GSI1PK", range_key = "GSI1SK" },
    {
      name      = "GSI2"
      hash_key  = "GSI2PK"
      range_key = "GSI2SK"
      include   = ["status", "attempt", "reason", "committedAt", "closedAt", "absolute", "relative", "markedAt"]
    },
  ]
  alarm_threshold     = local.thresholds.table_throttles
  alarm_actions       = local.alarm_actions
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

module "joblog" {
  source = "../modules/dynamodb-table"

  name                = local.names.tables["joblog"]
  stream              = true
  alarm_threshold     = local.thresholds.table_throttles
  alarm_actions       = local.alarm_actions
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

module "rerun" {
  source = "../modules/dynamodb-table"

  name                = local.names.tables["rerun"]
  alarm_threshold     = local.thresholds.table_throttles
  alarm_actions       = local.alarm_actions
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}

module "events" {
  source = "../modules/dynamodb-table"

  name                = local.names.tables["events"]
  indexes             = [{ name = "GSI1", hash_key = "eventType", range_key = "timestamp", range_type = "N" }]
  alarm_threshold     = local.thresholds.table_throttles
  alarm_actions       = local.alarm_actions
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  tags                = var.tags
}
