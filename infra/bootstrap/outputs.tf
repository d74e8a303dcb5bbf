output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.state.bucket
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.state.arn
}

output "backend" {
  description = "Text of a backend.tf, with KEY for the key of the state. Its lock file needs Terraform 1.10 or newer."
  value       = <<-HCL
    terraform {
      backend "s3" {
        bucket       = "${var.bucket}"
        key          = "KEY"
        region       = "${data.aws_region.current.region}"
        encrypt      = true
        use_lockfile = true
      }
    }
  HCL
}
