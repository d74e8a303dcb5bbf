# More invocations than a queue makes.
module "interlock" {
  source = "../../../stack"

  environment        = "test"
  dist_path          = "${path.module}/../../zips"
  lambda_concurrency = { event_sink = 1500 }
}
