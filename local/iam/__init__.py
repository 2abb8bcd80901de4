"""What a role's session may do: IAM's rules, in front of moto.

moto's own enforcement ignores Condition and Principal and gets half of 101 such cases wrong, and
no library on PyPI knows policy variables, so the rules are written out here. `matching`,
`conditions`, `policy` and `evaluation` are pure; `s3`, of what `s3_call` has taken apart, and
`services` say which permissions a request needs; `state` reads policies and objects from moto;
`gate` judges and keeps a journal.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""
