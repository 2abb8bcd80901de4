"""moto as the AWS APIs, in a process of its own: python aws_server.py prints its port and serves."""

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket
from werkzeug.serving import make_server


def allow_all_objects(bucket: FakeBucket, action: str, resource: str) -> None:
    """moto evaluates bucket policies without their conditions, so that TLS-only denies all."""


def main() -> None:
    FakeBucket.get_permission = allow_all_objects
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
