# An alarm that never goes off.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { watchdog = { duration_threshold_percent = 120 } }
}
