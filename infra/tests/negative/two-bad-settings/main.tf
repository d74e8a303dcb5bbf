# Two settings that Lambda does not have: both are named.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { watchdog = { timeout_seconds = 1000, log_retention_days = 10 } }
}
