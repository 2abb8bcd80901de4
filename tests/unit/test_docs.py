"""Docs made of code say what the code says."""

from pathlib import Path

import pytest

from scripts.attributes import Attribute, attributes
from scripts.docs import BEGIN, END, REPOSITORY, generated, kind, tables, with_tables

VARIABLES = """\
variable "size" {
  description = <<-EOT
    Size of it:
    memory_size in MB, `<n>` | all.
  EOT
  type = object({
    memory_size = optional(number, 128) # at least
    tags        = optional(map(string), {})
  })
  default = {}
}

variable "name" {
  description = "Name."
  type        = string
}
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "variables.tf").write_text(VARIABLES)
    (tmp_path / "outputs.tf").write_text('output "b" {\n  description = "Bee."\n  value = 1\n}\n')
    (tmp_path / "versions.tf").write_text('terraform {\n  required_version = ">= 1.3"\n}\n')
    return tmp_path


def test_tables_are_in_the_form_of_terraform_docs(module: Path) -> None:
    assert tables(module).splitlines() == [
        "## Requirements",
        "",
        "| Name | Version |",
        "| --- | --- |",
        "| terraform | >= 1.3 |",
        "",
        "## Inputs",
        "",
        "| Name | Description | Type | Default | Required |",
        "| --- | --- | --- | --- | :---: |",
        '| <a name="input_name"></a> [name](#input\\_name) | Name. | `string` | n/a | yes |',
        '| <a name="input_size"></a> [size](#input\\_size) '
        "| Size of it: memory\\_size in MB, `<n>` \\| all. "
        "| <pre>object({<br/>  memory_size = optional(number, 128)<br/>"
        "  tags = optional(map(string), {})<br/>})</pre> | `{}` | no |",
        "",
        "## Outputs",
        "",
        "| Name | Description |",
        "| --- | --- |",
        '| <a name="output_b"></a> [b](#output\\_b) | Bee. |',
    ]


def test_an_object_is_explained_elsewhere(module: Path) -> None:
    assert "| [object](inputs.md#size) | `{}` | no |" in tables(module, "inputs.md")


NESTED = """\
variable "api" {
  type = object({
    # Its name.
    name = string
    # Hosts that
    # may call.
    hosts = optional(list(string), [])
    # Plans.
    plans = optional(map(object({
      # Most, per {unit}.
      rate = optional(number, 50)
      # Quota.
      quota = object({
        name = string
      })
    })), {})
    # Pages.
    cors = optional(object({
      rate = number
    }))
    # May be null.
    stage = optional(string)
  })
  default = {}
}
"""

OF_A_MAP = """
variable "additions" {
  type = map(object({
    # Rules.
    rules = optional(list(object({
      # Its name.
      name = string
    })), [])
  }))
  default = {}
}
"""


def test_attributes_have_their_path_default_and_meaning(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text(NESTED)
    assert attributes(tmp_path, "api") == [
        Attribute("name", "string", "", "Its name."),
        Attribute("hosts", "list(string)", "[]", "Hosts that may call."),
        Attribute("plans", "map of objects", "{}", "Plans."),
        Attribute("plans.<name>.rate", "number", "50", "Most, per {unit}."),
        Attribute("plans.<name>.quota", "object", "", "Quota."),
        Attribute("plans.<name>.quota.name", "string", "", "Its name."),
        Attribute("cors", "object", "null", "Pages."),
        Attribute("cors.rate", "number", "", "Most, per {unit}."),
        Attribute("stage", "string", "null", "May be null."),
    ]


def test_attributes_of_a_map_and_of_a_list_have_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text(OF_A_MAP)
    assert attributes(tmp_path, "additions") == [
        Attribute("<name>.rules", "list of objects", "[]", "Rules."),
        Attribute("<name>.rules[].name", "string", "", "Its name."),
    ]


def test_an_attribute_without_a_meaning_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text(NESTED.replace("    # Plans.\n", ""))
    with pytest.raises(ValueError, match="api: write a comment above the attribute plans"):
        attributes(tmp_path, "api")
    with pytest.raises(ValueError, match="has no variable other"):
        attributes(tmp_path, "other")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("string", "string"),
        ("${list(string)}", "list(string)"),
        ("${object({})}", "object({})"),
        ("${map(object({a = string, b = list(any)}))}", "a = string"),
        (
            "${object({a = optional(object({b = number}), {}), c = tuple([string, bool])})}",
            "object({\n  a = optional(object({\n    b = number\n  }), {})\n"
            "  c = tuple([string, bool])\n})",
        ),
    ],
)
def test_types_have_an_attribute_per_line(written: str, expected: str) -> None:
    assert expected in kind(written)


def test_what_is_between_the_markers_is_replaced() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"

    assert with_tables(text, "new\n", Path("README.md")) == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    with pytest.raises(ValueError, match=r"README.md has no lines <!-- BEGIN_TF_DOCS -->"):
        with_tables("text", "new\n", Path("README.md"))


def test_every_folder_of_terraform_has_its_readme() -> None:
    roots = {path.parent for path in generated(REPOSITORY) if path.name == "README.md"}

    assert {path.parent for path in REPOSITORY.glob("*/*/versions.tf")} | {REPOSITORY} == roots
