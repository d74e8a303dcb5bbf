# A policy variable, which IAM would replace.
module "interlock" {
  source = "../../../stack"

  environment           = "test"
  dist_path             = "${path.module}/../../zips"
  enable_lambda_trigger = true
  lambda_trigger_arns   = ["arn:aws:lambda:eu-west-1:123456789012:function:$${aws:username}"]
}
