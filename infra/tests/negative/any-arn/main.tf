# Everything that has an ARN.
module "interlock" {
  source = "../../../stack"

  environment        = "test"
  dist_path          = "${path.module}/../../zips"
  enable_sfn_trigger = true
  sfn_trigger_arns   = ["arn:*"]
}
