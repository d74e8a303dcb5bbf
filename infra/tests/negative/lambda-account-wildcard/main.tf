# Every function of every account and region.
module "interlock" {
  source = "../../../stack"

  environment           = "test"
  dist_path             = "${path.module}/../../zips"
  enable_lambda_trigger = true
  lambda_trigger_arns   = ["arn:aws:lambda:*:*:function:*"]
}
