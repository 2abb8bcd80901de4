"""What S3 answers to a body that it does not take.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""


class BodyError(Exception):
    """Why S3 refuses a body; `details` are elements of its answer."""

    def __init__(self, status: int, code: str, message: str, **details: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details


def incomplete(what: str) -> BodyError:
    return BodyError(400, "IncompleteBody", f"You did not provide {what}.")
