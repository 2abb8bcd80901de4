# The zips that `make build` wrote, checked at plan time and uploaded under a key that is their content's hash.
locals {
  module_version = trimspace(file("${path.module}/VERSION"))
  python         = "3.13"
  folder         = coalesce(var.artifacts.folder, "${path.module}/dist")
  manifest       = try(jsondecode(file("${local.folder}/manifest.json")), {})

  # A file that is missing has an empty hash here, so that the preconditions below can say what is wrong.
  code = {
    for function in keys(local.descriptions) : function => {
      path          = "${local.folder}/${function}.zip"
      sha256        = try(filesha256("${local.folder}/${function}.zip"), "")
      sha256_base64 = try(filebase64sha256("${local.folder}/${function}.zip"), "")
      built = {
        sha256         = try(local.manifest[function].sha256, "nothing")
        module_version = try(local.manifest[function].module_version, "unknown")
        python         = try(local.manifest[function].python, "unknown")
        architecture   = try(local.manifest[function].architecture, "x86_64")
        handler        = try(local.manifest[function].handler, "${function}.handler.handler")
      }
    }
  }
}

resource "aws_s3_object" "code" {
  for_each = local.code

  bucket       = module.storage.artifacts_bucket
  key          = "${each.key}/${each.value.sha256}.zip"
  source       = each.value.path
  content_type = "application/zip"
  tags         = var.tags

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = fileexists(each.value.path) && fileexists("${local.folder}/manifest.json")
      error_message = "${local.folder} lacks ${each.key}.zip or manifest.json. Run `make build` in the module's repository, or point artifacts.folder at a folder that it has filled."
    }

    precondition {
      condition     = each.value.sha256 == "" || each.value.sha256 == each.value.built.sha256
      error_message = "${each.value.path} is not the file that its manifest.json describes (sha256 ${each.value.sha256}, not ${each.value.built.sha256}). Run `make build` again."
    }

    precondition {
      condition     = each.value.sha256 == "" || each.value.built.module_version == local.module_version
      error_message = "${each.value.path} was built for version ${each.value.built.module_version} of this module, which is ${local.module_version}. Run `make build` again."
    }

    precondition {
      condition     = each.value.sha256 == "" || each.value.built.python == local.python
      error_message = "${each.value.path} was built for Python ${each.value.built.python}, the functions run ${local.python}. Run `make build` again."
    }
  }
}
