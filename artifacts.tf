# The functions' zips: what their manifest says of them, whether that fits this module, and where Lambda finds them.
locals {
  module_version = trimspace(file("${path.module}/VERSION"))
  python         = "3.13"
  published      = var.artifacts.bucket != null
  manifest       = try(jsondecode(local.published ? data.aws_s3_object.manifest[0].body : file("${local.folder}/manifest.json")), {})

  # What the manifest does not say has a value here too, so that what is wrong can be said in words.
  built = {
    for function in keys(local.functions) : function => {
      sha256         = try(local.manifest[function].sha256, "nothing")
      code_sha256    = try(local.manifest[function].code_sha256, "")
      module_version = try(local.manifest[function].module_version, "unknown")
      python         = try(local.manifest[function].python, "unknown")
      architecture   = try(local.manifest[function].architecture, "unknown")
    }
  }

  misfits = {
    for function, built in local.built : function => compact([
      built.module_version == local.module_version ? "" : "it was built for version ${built.module_version} of this module, which is ${local.module_version}",
      built.python == local.python ? "" : "it was built for Python ${built.python}, the functions run ${local.python}",
      built.architecture == var.architecture ? "" : "it was built for ${built.architecture}, var.architecture is ${var.architecture}",
    ])
  }

  code = {
    for function, built in local.built : function => {
      bucket = local.published ? var.artifacts.bucket : module.storage.artifacts_bucket
      key    = local.published ? one(data.aws_s3_objects.published[function].keys) : aws_s3_object.code[function].key
    }
  }
}
