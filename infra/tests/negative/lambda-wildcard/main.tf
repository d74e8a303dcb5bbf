# A trigger that might start anything.
module "interlock" {
  source = "../../../stack"

  environment           = "test"
  dist_path             = "${path.module}/../../zips"
  enable_lambda_trigger = true
  lambda_trigger_arns   = ["*"]
}
