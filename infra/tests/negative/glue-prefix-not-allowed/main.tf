# A name that ends with *, without the permission for it.
module "interlock" {
  source = "../../../stack"

  environment         = "test"
  dist_path           = "${path.module}/../../zips"
  enable_glue_trigger = true
  glue_job_arns       = ["arn:aws:glue:eu-west-1:123456789012:job/load-*"]
}
