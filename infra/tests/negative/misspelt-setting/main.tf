# A setting that does not exist.
module "interlock" {
  source = "../../../stack"

  environment     = "test"
  dist_path       = "${path.module}/../../zips"
  lambda_settings = { all = { memory = 1024 } }
}
