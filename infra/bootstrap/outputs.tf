output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.state.bucket
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.state.arn
}

output "backend" {
  description = "Text of a backend.tf, with KEY for the key of the state."
  value       = <<-HCL
    terraform {
      backend "s3" {
        bucket       = "${var.bucket}"
        key          = "KEY"
        encrypt      = true
        use_lockfile = true
      }
    }
  HCL
}
