# A bucket of somebody else's has no rules of this module. Checks warn, and stop no plan.
check "data_bucket" {
  assert {
    condition     = var.data_bucket == null || try(var.data_bucket.expires_short_lived, false)
    error_message = "Data that is not to be kept, such as photos of faces, is tagged lifetime = short, and only the owner of data_bucket can have it removed: by a lifecycle rule for the tag, as in examples/existing_bucket. Once there is one, set data_bucket.expires_short_lived = true."
  }

  assert {
    condition     = var.data_bucket == null || try(var.lifecycle_rules.raw_data_days == null && var.lifecycle_rules.job_days == null, true)
    error_message = "lifecycle_rules.raw_data_days and job_days are for a bucket that this module makes. In data_bucket nothing expires by them: its owner sets rules for raw/, jobs/ and trials/ below the prefix, with expired noncurrent versions where it has versions."
  }
}
