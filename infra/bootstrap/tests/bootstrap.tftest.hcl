mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
}

variables {
  bucket = "test-terraform-states"
}

run "the_states_are_encrypted_versioned_and_private" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "An earlier state must be readable."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The states must be encrypted."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls, aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls, aws_s3_bucket_public_access_block.state.restrict_public_buckets,
    ])
    error_message = "No state may become public."
  }
}

run "a_plain_connection_is_denied" {
  command = plan

  assert {
    condition = jsondecode(aws_s3_bucket_policy.state.policy).Statement == [{
      Sid       = "OnlyWithTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::test-terraform-states", "arn:aws:s3:::test-terraform-states/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "The policy must deny every action without TLS."
  }
}

run "a_key_of_your_own_encrypts_the_states" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/states"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn
    error_message = "The given key must be used."
  }
}

run "the_backend_locks_its_state" {
  command = plan

  assert {
    condition     = strcontains(output.backend, "use_lockfile = true") && strcontains(output.backend, "bucket       = \"test-terraform-states\"")
    error_message = "The backend must use the bucket and a lock file."
  }
}

# Terraform reads no region from a profile here, and the bucket may be in another region than the deployment.
run "the_backend_names_the_region_of_the_bucket" {
  command = plan

  assert {
    condition     = strcontains(output.backend, "region       = \"eu-west-1\"")
    error_message = "The backend must name the region of the bucket."
  }
}

run "a_name_with_capitals_is_rejected" {
  command = plan

  variables {
    bucket = "Terraform-States"
  }

  expect_failures = [var.bucket]
}

run "an_alias_is_no_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:alias/states"
  }

  expect_failures = [var.kms_key_arn]
}

run "half_a_day_is_rejected" {
  command = plan

  variables {
    noncurrent_days = 0.5
  }

  expect_failures = [var.noncurrent_days]
}
