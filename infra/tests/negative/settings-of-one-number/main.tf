# A number instead of settings.
module "interlock" {
  source = "../../../stack"

  environment     = "test"
  dist_path       = "${path.module}/../../zips"
  lambda_settings = { watchdog = 1024 }
}
