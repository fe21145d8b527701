#!/usr/bin/env python3
"""Cuts the schema files beside this script out of published packages; see README.md."""

import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

HERE = pathlib.Path(__file__).parent
CLOUDEVENTS, ECS, OCSF_PACKAGE, OCSF = "10.0.0", "9.4.0", "1.2.0", "1.8.0"
# The fields of these sets, but not those of a set within one.
ECS_SETS = ("client", "ecs", "error", "event", "http", "organization", "service", "source",
            "span", "trace", "user", "user_agent")


def npm(package, version, folder):
    done = subprocess.run(["npm", "pack", "--silent", f"{package}@{version}"],
                          cwd=folder, check=True, capture_output=True, text=True)
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        archive.extractall(folder / "npm", filter="data")
    return folder / "npm" / "package"


def write(name, value):
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    (HERE / name).write_text(text + "\n")


def cloudevents(folder):
    code = (npm("cloudevents", CLOUDEVENTS, folder) / "dist/schema/v1.js").read_text()
    schema = re.search(r"const schema\d+ = (\{.*?\});\n", code).group(1)
    write("cloudevents.json", json.loads(schema))


def ecs(folder):
    module = npm("@elastic/ecs", ECS, folder) / "build/commonjs/ecs_flat.js"
    code = f"process.stdout.write(JSON.stringify(require({json.dumps(str(module))}).EcsFlat))"
    fields = json.loads(subprocess.run(["node", "-e", code], check=True, capture_output=True,
                                       text=True).stdout)

    def is_meant(name):
        top, _, rest = name.partition(".")
        within = rest.count(".")
        return not rest or top in ECS_SETS and (within == 0 or top == "http" and within == 1)

    write("ecs.json", {name: field for name, field in fields.items() if is_meant(name)})


def ocsf(folder):
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest",
                    folder, f"ocsf-json-schema=={OCSF_PACKAGE}"], check=True)
    [wheel] = folder.glob("ocsf_json_schema-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "pypi")
    sys.path.insert(0, str(folder / "pypi"))
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(OCSF)).get_class_schema("entity_management")
    write("ocsf-entity-management.json", schema)


with tempfile.TemporaryDirectory() as made:
    for make in (cloudevents, ecs, ocsf):
        folder = pathlib.Path(made, make.__name__)
        folder.mkdir()
        make(folder)
