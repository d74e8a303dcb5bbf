# A lifetime of logs that CloudWatch does not have.
module "interlock" {
  source = "../../../stack"

  environment        = "test"
  dist_path          = "${path.module}/../../zips"
  log_retention_days = 10
}
