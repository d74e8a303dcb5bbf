# A function that is never invoked.
module "interlock" {
  source = "../../../stack"

  environment        = "test"
  dist_path          = "${path.module}/../../zips"
  lambda_concurrency = { orchestrator = 0 }
}
