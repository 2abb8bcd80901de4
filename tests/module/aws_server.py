"""moto as the AWS APIs, in a process of its own, which prints its port and serves."""

import os

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from local.moto_patches import api_patches
from local.moto_patches.patch import applied


def main() -> None:
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    print(server.port, flush=True)
    with applied(api_patches()):
        server.serve_forever()


if __name__ == "__main__":
    main()
