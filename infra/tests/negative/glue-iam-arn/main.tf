# A role instead of a Glue job.
module "interlock" {
  source = "../../../stack"

  environment         = "test"
  dist_path           = "${path.module}/../../zips"
  enable_glue_trigger = true
  glue_job_arns       = ["arn:aws:iam::123456789012:role/load"]
}
