# Every secret of the account for jobs.
module "interlock" {
  source = "../../../stack"

  environment     = "test"
  dist_path       = "${path.module}/../../zips"
  job_secret_arns = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:*"]
}
