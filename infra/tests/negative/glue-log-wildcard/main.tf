# Every log of the account.
module "interlock" {
  source = "../../../stack"

  environment         = "test"
  dist_path           = "${path.module}/../../zips"
  glue_log_group_arns = ["arn:aws:logs:eu-west-1:123456789012:log-group:*"]
}
