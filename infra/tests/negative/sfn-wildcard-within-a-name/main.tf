# A wildcard within a name.
module "interlock" {
  source = "../../../stack"

  environment         = "test"
  dist_path           = "${path.module}/../../zips"
  enable_sfn_trigger  = true
  sfn_trigger_arns    = ["arn:aws:states:eu-west-1:123456789012:stateMachine:lo*d"]
  allow_name_prefixes = true
}
