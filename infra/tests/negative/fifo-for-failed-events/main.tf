# A FIFO queue, which Lambda rejects.
module "deployment" {
  source = "../../../modules/deployment"

  environment = "test"
  queue_arns  = { async-dlq = "arn:aws:sqs:eu-west-1:123456789012:failed.fifo" }
}
