# All jobs are no prefix of a name.
module "interlock" {
  source = "../../../stack"

  environment         = "test"
  dist_path           = "${path.module}/../../zips"
  enable_glue_trigger = true
  glue_job_arns       = ["arn:aws:glue:eu-west-1:123456789012:job/*"]
  allow_name_prefixes = true
}
