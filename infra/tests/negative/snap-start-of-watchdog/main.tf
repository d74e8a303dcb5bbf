# A function that must work while AWS restores nothing.
module "deployment" {
  source = "../../../modules/deployment"

  environment     = "test"
  lambda_settings = { watchdog = { snap_start = true } }
}
