# A number instead of settings.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { watchdog = 1024 }
}
