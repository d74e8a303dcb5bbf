# Every cluster of the account.
module "interlock" {
  source = "../../../stack"

  environment        = "test"
  dist_path          = "${path.module}/../../zips"
  enable_emr_trigger = true
  emr_cluster_arns   = ["arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/*"]
}
