# A FIFO queue, which Lambda rejects.
module "deployment" {
  source = "../../../modules/deployment"

  environment   = "test"
  async_dlq_arn = "arn:aws:sqs:eu-west-1:123456789012:failed.fifo"
}
