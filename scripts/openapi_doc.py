"""Print the schema of the REST API as docs/openapi.json has it: python scripts/openapi_doc.py > docs/openapi.json"""

import json
import os
import tempfile
from pathlib import Path


def main() -> None:
    print(document(), end="")


def document() -> str:
    """The whole text of docs/openapi.json. Django has to be set up."""
    from alknet_site.api import api  # noqa: PLC0415 - once Django is set up

    return json.dumps(api.get_openapi_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    import django

    with tempfile.TemporaryDirectory() as empty:
        os.chdir(Path(__file__).parent.parent)
        os.environ["ALKNET_DATA"] = empty
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alknet_site.settings")
        django.setup()
        main()
