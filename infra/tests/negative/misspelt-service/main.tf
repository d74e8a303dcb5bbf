# Settings of a service that does not exist.
module "interlock" {
  source = "../../../stack"

  environment     = "test"
  dist_path       = "${path.module}/../../zips"
  lambda_settings = { watch-dog = { memory_size = 1024 } }
}
